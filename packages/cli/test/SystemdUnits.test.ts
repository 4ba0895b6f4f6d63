import { afterAll, describe, expect, it } from "vitest"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const units = fileURLToPath(new URL("../../../deploy/systemd/", import.meta.url))

/** Debian: `systemd`; nothing needs to run. */
const isInstalled = (): boolean => {
  const there = spawnSync("systemd-analyze", ["--version"]).status === 0
  if (!there) console.log("no systemd-analyze found: the units are checked by their keys alone")
  return there
}

const settingsOf = (unit: string): ReadonlyMap<string, string> =>
  new Map(
    readFileSync(join(units, unit), "utf8")
      .split("\n")
      .filter((line) => /^[A-Z]/.test(line))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  )

describe.each(["rdl-proxy.service", "rdl-source.service"])("the unit %s", (unit) => {
  it("runs as nobody in particular, and can write nothing and gain nothing", () => {
    const settings = settingsOf(unit)
    for (const [key, value] of Object.entries(HARDENING)) expect([key, settings.get(key)]).toEqual([key, value])
  })

  it("hands its secret over as a credential, and keeps it out of the environment", () => {
    const settings = settingsOf(unit)
    const [name = "", path = ""] = settings.get("LoadCredential")?.split(":") ?? []
    expect(path).toBe(`/etc/rdl/${name}`)
    // Not by a path: npm puts programs into /usr/local/bin or /usr/bin, as it was installed itself.
    expect(settings.get("ExecStart")).toMatch(/^rdl-(proxy|source) /)
    expect(settings.get("ExecStart")).toContain(`-file \${CREDENTIALS_DIRECTORY}/${name}`)
    expect(settings.has("Environment")).toBe(false)
  })
})

const HARDENING = {
  CapabilityBoundingSet: "",
  DynamicUser: "yes",
  NoNewPrivileges: "yes",
  PrivateTmp: "yes",
  ProtectHome: "yes",
  ProtectSystem: "strict",
  RestrictNamespaces: "yes",
  SystemCallArchitectures: "native",
}

describe.skipIf(!isInstalled())("systemd", () => {
  const directory = mkdtempSync(join(tmpdir(), "rdl-units-"))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  // The programs are not where they will be: others of their names stand in.
  for (const unit of readdirSync(units).filter((name) => name.endsWith(".service"))) {
    const text = readFileSync(join(units, unit), "utf8").replaceAll("ExecStart=", `ExecStart=${directory}/`)
    writeFileSync(join(directory, unit), text)
    writeFileSync(join(directory, unit.replace(".service", "")), "#!/bin/sh\n", { mode: 0o755 })
  }

  it.each(["rdl-proxy.service", "rdl-source.service"])("finds no fault in %s, and little exposed", (unit) => {
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", join(directory, unit)], { encoding: "utf8" })
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
    // In tenths; most services that come with a distribution have more than 90. Exits with 1 where it is more.
    const security = ["security", "--no-pager", "--offline=true", "--threshold=16", join(directory, unit)]
    expect(execFileSync("systemd-analyze", security).toString()).toContain("Overall exposure level")
  })

  it.each([
    ["rdl-proxy.service", "rdl-proxy-tls.conf"],
    ["rdl-source.service", "rdl-source-files.conf"],
  ])("finds none either in %s with %s", (unit, dropIn) => {
    const directoryOf = join(directory, `${unit}.d`)
    mkdirSync(directoryOf)
    const text = readFileSync(join(units, dropIn), "utf8").replaceAll("ExecStart=rdl", `ExecStart=${directory}/rdl`)
    writeFileSync(join(directoryOf, dropIn), text)
    const checked = spawnSync("systemd-analyze", ["verify", join(directory, unit)], { encoding: "utf8" })
    expect(checked).toMatchObject({ status: 0, stderr: "" })
  })
})
