/** A certificate authority of a test's own, made by openssl in a directory of its own. */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Pair {
  readonly cert: string
  readonly key: string
}

export interface LocalAuthority {
  /** Where a test may put files; removed by `remove`. */
  readonly directory: string
  /** The authority's own certificate. */
  readonly ca: string
  /** A certificate of this authority, good for localhost and 127.0.0.1, and its key. */
  readonly issue: (name: string) => Pair
  readonly remove: () => void
}

/** Whether there is an openssl to make one with: tests that need it are skipped where there is none. */
export const isAvailable: boolean = spawnSync("openssl", ["version"], { stdio: "ignore" }).status === 0

/** Makes an authority; takes some 30 ms, and as much for each certificate. */
export const make = (): LocalAuthority => {
  const directory = mkdtempSync(join(tmpdir(), "rdl-ca-"))
  const file = (name: string) => join(directory, name)
  const openssl = (...words: ReadonlyArray<string>) => execFileSync("openssl", words, { stdio: "pipe" })
  if (!isAvailable) return { directory, ca: "", issue: () => ({ cert: "", key: "" }), remove: removeAll(directory) }
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    file("ca.key"),
    "-out",
    file("ca.pem"),
    "-days",
    "30",
    "-subj",
    "/CN=rdl test authority",
  )
  let serial = 0
  const issue = (name: string): Pair => {
    const number = ++serial
    const at = (kind: string) => file(`issued-${number}.${kind}`)
    writeFileSync(at("ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("req", ...newKey, "-keyout", at("key"), "-out", at("csr"), "-subj", `/CN=${name}`)
    openssl(
      "x509",
      "-req",
      "-in",
      at("csr"),
      "-CA",
      file("ca.pem"),
      "-CAkey",
      file("ca.key"),
      "-set_serial",
      String(number),
      "-days",
      "30",
      "-extfile",
      at("ext"),
      "-out",
      at("pem"),
    )
    return { cert: readFileSync(at("pem"), "utf8"), key: readFileSync(at("key"), "utf8") }
  }
  return {
    directory,
    ca: readFileSync(file("ca.pem"), "utf8"),
    issue,
    remove: removeAll(directory),
  }
}

const removeAll = (directory: string) => () => rmSync(directory, { recursive: true, force: true })
