/** Where the container engine is: what the user named, else the first socket that is there. */
import { accessSync, constants, readFileSync, statSync } from "node:fs"
import type { NetConnectOpts } from "node:net"
import { Either, Schema } from "effect"

/** A place to connect to: a Unix socket, or plain TCP. */
export type EngineAddress =
  | { readonly _tag: "Unix"; readonly path: string }
  | { readonly _tag: "Tcp"; readonly host: string; readonly port: number }

/** There is no engine to talk to; the message names the address and says what to do. */
export class EngineUnavailable extends Schema.TaggedError<EngineUnavailable>()("EngineUnavailable", {
  /** `bad-address` = what was named is not an address of ours; `silent` = nobody answers, or the connection broke; `not-an-engine` = something else answers. */
  reason: Schema.Literal("bad-address", "not-found", "not-readable", "not-a-socket", "silent", "not-an-engine"),
  address: Schema.String,
  detail: Schema.String,
}) {
  override get message(): string {
    return `no container engine at ${this.address}: ${this.detail}`
  }
}

/** Where the engine is looked for. */
export interface FindOptions {
  /** What `--engine` or DOCKER_HOST says; absent or empty = look at the usual sockets. */
  readonly engine?: string | undefined
  /** Where `XDG_RUNTIME_DIR` and `DOCKER_TLS_VERIFY` are read from. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The address as people write it. */
export const format = (address: EngineAddress): string =>
  address._tag === "Unix"
    ? `unix://${address.path}`
    : `tcp://${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`

/** How `node:net` reaches it. */
export const connectOptions = (address: EngineAddress): NetConnectOpts =>
  address._tag === "Unix" ? { path: address.path } : { host: address.host, port: address.port }

/** Finds the engine without connecting: looks at files only, so it is cheap enough to ask before each connection. */
export const find = (options: FindOptions): Either.Either<EngineAddress, EngineUnavailable> => {
  const named = options.engine ?? ""
  if (named !== "") return Either.flatMap(parse(named, options.env), present)
  const sockets = usualSockets(options.env)
  const looked = sockets.map((path) => present({ _tag: "Unix", path }))
  const usable = looked.find(Either.isRight)
  if (usable !== undefined) return usable
  const broken = looked.find((one) => Either.isLeft(one) && one.left.reason !== "not-found")
  return broken ?? Either.left(noneFound(sockets))
}

/** Reads an address as DOCKER_HOST has it: `unix:///path`, a bare `/path`, `tcp://host[:2375]` or `http://host[:port]`. */
export const parse = (value: string, env: FindOptions["env"] = {}): Either.Either<EngineAddress, EngineUnavailable> => {
  const path = value.startsWith("unix://") ? value.slice("unix://".length) : value
  if (path.startsWith("/")) return Either.right({ _tag: "Unix", path })
  const scheme = /^([a-z]+):\/\//.exec(value)?.[1]
  const refusal = refusedSchemes[scheme ?? ""]
  if (refusal !== undefined) return badAddress(value, refusal)
  if (scheme !== "tcp" && scheme !== "http") return badAddress(value, howToName)
  if (scheme === "tcp" && (env["DOCKER_TLS_VERIFY"] ?? "") !== "") return badAddress(value, noTls)
  return parseTcp(value)
}

/** What a failed connection means for a person; `error` is what `node:net` or undici failed with. */
export const explain = (address: EngineAddress, error: unknown): EngineUnavailable => {
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  const where = format(address)
  if (address._tag === "Unix") {
    if (code === "ENOENT") return notFound(address.path)
    if (code === "EACCES" || code === "EPERM") return notReadable(address.path)
    if (code === "ENOTSOCK") return notASocket(address.path)
  }
  if (code === "ECONNREFUSED")
    return new EngineUnavailable({
      reason: "silent",
      address: where,
      detail: "nobody is listening there; is the engine running?",
    })
  return new EngineUnavailable({
    reason: code.startsWith("HPE_") ? "not-an-engine" : "silent",
    address: where,
    detail: error instanceof Error ? error.message : String(error),
  })
}

const howToName =
  "an engine is named as unix:///path/to.sock, tcp://host:port or http://host:port; leave it out to look at the usual sockets"
const noTls =
  "TLS to an engine is not supported; run the source on the engine's own machine and let it use the socket there"

const refusedSchemes: Readonly<Record<string, string>> = {
  https: noTls,
  ssh: "ssh is not supported; run the source on that machine itself, it needs no open port",
  npipe:
    "Windows pipes are not supported; run the source in a Linux container with /var/run/docker.sock mounted, or turn on tcp://localhost:2375 in Docker Desktop",
  fd: howToName,
}

const badAddress = (value: string, detail: string) =>
  Either.left(new EngineUnavailable({ reason: "bad-address", address: withoutUser(value), detail }))

/** A password in a URL is not for a log. */
const withoutUser = (value: string): string => value.replace(/^([a-z]+:\/\/)[^/]*@/, "$1")

const parseTcp = (value: string): Either.Either<EngineAddress, EngineUnavailable> => {
  if (!URL.canParse(value)) return badAddress(value, howToName)
  const url = new URL(value)
  if (url.username !== "" || url.password !== "") return badAddress(value, "an engine takes no user or password")
  if (url.hostname === "" || (url.pathname !== "" && url.pathname !== "/") || url.search !== "" || url.hash !== "")
    return badAddress(value, howToName)
  const fallback = url.protocol === "http:" ? 80 : 2375
  const port = url.port === "" ? fallback : Number(url.port)
  if (port < 1) return badAddress(value, "the port must be between 1 and 65535")
  return Either.right({ _tag: "Tcp", host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port })
}

const usualSockets = (env: FindOptions["env"]): ReadonlyArray<string> => {
  const runtime = env["XDG_RUNTIME_DIR"] ?? ""
  const ofUser = (name: string) => (runtime.startsWith("/") ? [`${runtime}/${name}`] : [])
  return ["/var/run/docker.sock", ...ofUser("docker.sock"), "/run/podman/podman.sock", ...ofUser("podman/podman.sock")]
}

const present = (address: EngineAddress): Either.Either<EngineAddress, EngineUnavailable> => {
  if (address._tag === "Tcp") return Either.right(address)
  try {
    if (!statSync(address.path).isSocket()) return Either.left(notASocket(address.path))
    accessSync(address.path, constants.R_OK | constants.W_OK)
    return Either.right(address)
  } catch (error) {
    return Either.left(explain(address, error))
  }
}

const notFound = (path: string) =>
  new EngineUnavailable({
    reason: "not-found",
    address: `unix://${path}`,
    detail: "there is no such socket; start the engine, or name another with --engine",
  })

const noneFound = (paths: ReadonlyArray<string>) =>
  new EngineUnavailable({
    reason: "not-found",
    address: "the usual sockets",
    detail: `none of ${paths.join(", ")} is there; start Docker or Podman, or name the engine with --engine`,
  })

const notASocket = (path: string) =>
  new EngineUnavailable({ reason: "not-a-socket", address: `unix://${path}`, detail: "that is not a socket" })

const notReadable = (path: string): EngineUnavailable => {
  const group = groupOf(path)
  const advice =
    group === undefined
      ? "run the source as a user who may open it"
      : `it belongs to the group ${group}: run the source as a member of it (in a container: --group-add)`
  return new EngineUnavailable({
    reason: "not-readable",
    address: `unix://${path}`,
    detail: `permission denied; ${advice}`,
  })
}

const groupOf = (path: string): string | undefined => {
  try {
    const { gid } = statSync(path)
    const line = readFileSync("/etc/group", "utf8")
      .split("\n")
      .find((line) => line.split(":")[2] === String(gid))
    return line === undefined ? String(gid) : `${line.split(":")[0]} (${gid})`
  } catch {
    return undefined
  }
}
