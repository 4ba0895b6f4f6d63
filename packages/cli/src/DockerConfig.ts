/** The directory that makes Docker's own programs clients of a proxy: its token, where it is, and whom it is certified by. */
import { Effect, Redacted } from "effect"
import { createHash } from "node:crypto"
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { rootCertificates } from "node:tls"
import { reasonOf } from "./ConfigFile.ts"
import { CommandFailed } from "./Failure.ts"
import type { Certificate } from "./ProxyTls.ts"

/** Below the state directory; one directory a proxy, so that no token goes to another one. */
const FOLDER = "docker"
/** The name of the context; Docker keeps what belongs to it under its hash. */
const CONTEXT = "rdl"

/** What Docker's programs must find in their environment. */
export interface DockerEnvironment {
  readonly DOCKER_CONFIG: string
  readonly DOCKER_HOST: string
  readonly DOCKER_CONTEXT: string
}

export interface Access {
  readonly url: URL
  readonly token: Redacted.Redacted
}

/** What Docker needs for TLS, which takes from its context alone. */
export interface Trust {
  /** PEM texts of the authorities to trust, and no others. Default: the system's. */
  readonly ca?: string | undefined
  /** A file of more of them, beside the system's. */
  readonly moreAuthorities?: string | undefined
  /** The certificate to show, with its key. */
  readonly certificate?: Certificate | undefined
}

/**
 * Writes the directory (0700; each file 0600). A proxy with TLS needs a context, since Docker trusts no authority that is
 * not given to it, and looks for a certificate to show nowhere else.
 */
export const write = (
  stateDir: string,
  { token, url }: Access,
  trust: Trust,
): Effect.Effect<DockerEnvironment, CommandFailed> => {
  const directory = directoryOf(stateDir, url)
  const host = hostOf(url)
  return attempt(`cannot write ${directory}`, () => {
    for (const made of [stateDir, join(stateDir, FOLDER), directory]) {
      mkdirSync(made, { recursive: true, mode: 0o700 })
      chmodSync(made, 0o700)
    }
    const HttpHeaders = { Authorization: `Bearer ${Redacted.value(token)}` }
    replace(join(directory, "config.json"), `${JSON.stringify({ HttpHeaders })}\n`)
    if (url.protocol !== "https:") return { DOCKER_CONFIG: directory, DOCKER_HOST: host, DOCKER_CONTEXT: "" }
    const id = createHash("sha256").update(CONTEXT).digest("hex")
    const Endpoints = { docker: { Host: host, SkipTLSVerify: false } }
    const meta = JSON.stringify({ Name: CONTEXT, Metadata: { Description: `rdl at ${url.host}` }, Endpoints })
    replace(join(directory, "contexts", "meta", id, "meta.json"), meta)
    const tls = join(directory, "contexts", "tls", id, "docker")
    replace(join(tls, "ca.pem"), authoritiesOf(trust))
    const { cert, key } = trust.certificate ?? {}
    put(join(tls, "cert.pem"), cert)
    put(join(tls, "key.pem"), key === undefined ? undefined : Redacted.value(key))
    return { DOCKER_CONFIG: directory, DOCKER_HOST: "", DOCKER_CONTEXT: CONTEXT }
  })
}

/** Removes the directories of all proxies, and the tokens in them. */
export const remove = (stateDir: string): Effect.Effect<void, CommandFailed> =>
  attempt(`cannot remove ${join(stateDir, FOLDER)}`, () => {
    rmSync(join(stateDir, FOLDER), { recursive: true, force: true })
  })

/** A line for a shell. The host is named even where there is none to name: one that is set already would win. */
export const exportLine = ({ DOCKER_CONFIG, DOCKER_CONTEXT, DOCKER_HOST }: DockerEnvironment): string => {
  const context = DOCKER_CONTEXT === "" ? "" : ` DOCKER_CONTEXT=${quoted(DOCKER_CONTEXT)}`
  return `export DOCKER_CONFIG=${quoted(DOCKER_CONFIG)} DOCKER_HOST=${quoted(DOCKER_HOST)}${context}`
}

/** Where a process of Docker's looks for nothing that it should not, and finds no secret of ours. */
export const environmentFor = (
  own: DockerEnvironment,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> => ({
  ...Object.fromEntries(Object.entries(env).filter(([name]) => !/^(DOCKER|RDL)_/.test(name))),
  ...Object.fromEntries(Object.entries(own).filter(([, value]) => value !== "")),
})

/** Docker's way to write it: a port that goes without saying there is another one. */
const hostOf = ({ hostname, pathname, port, protocol }: URL): string =>
  `tcp://${hostname}:${port === "" ? (protocol === "https:" ? 443 : 80) : port}${pathname.replace(/\/+$/, "")}`

const directoryOf = (stateDir: string, url: URL): string =>
  join(stateDir, FOLDER, `${url.protocol.slice(0, -1)}_${url.host.replaceAll(/[^a-zA-Z0-9.-]/g, "_")}`)

const replace = (path: string, content: string): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const fresh = `${path}.${process.pid}`
  writeFileSync(fresh, content, { mode: 0o600 })
  renameSync(fresh, path)
}

/** One of an earlier run does not stay. */
const put = (path: string, content: string | undefined): void => {
  if (content === undefined) rmSync(path, { force: true })
  else replace(path, content)
}

/** Where systems keep the authorities they trust. */
const SYSTEM = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
]

const authoritiesOf = ({ ca, moreAuthorities: own }: Trust): string => {
  if (ca !== undefined) return ca
  const system = SYSTEM.map(contentOf).find((content) => content !== undefined) ?? rootCertificates.join("\n")
  return own === undefined ? system : `${readFileSync(own, "utf8")}\n${system}`
}

const contentOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

const quoted = (text: string): string => (/^[\w./:@%+,-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

const attempt = <A>(what: string, run: () => A): Effect.Effect<A, CommandFailed> =>
  Effect.try({
    try: run,
    catch: (cause) =>
      new CommandFailed({ detail: `${what}: ${reasonOf(cause)}; --state-dir or RDL_STATE_DIR names another place` }),
  })
