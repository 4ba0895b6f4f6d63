/** Everything as it is deployed: key and tokens made by the commands, a proxy that holds the public half, a source on each real engine. */
import { ownAddress } from "@rdl/test-kit/OwnAddress"
import { engineSockets } from "@rdl/test-kit/RealEngine"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type RdlProcess, type Serving, serving } from "./RdlProcess.ts"

/** Sockets of the real Docker engines, at most two; those of every engine, Podman too, are told by `Engines`. */
export const engines = engineSockets().slice(0, 2)

/** How long a condition is waited for; reached only where something is broken. In milliseconds. */
export const PATIENCE = 60_000

/** What the tests read of a container. */
export interface Listed {
  readonly id: string
  readonly name: string
  readonly source: string
  readonly state: string
  readonly status: string
  readonly stale: boolean
}

/** What the tests read of a source. */
export interface ListedSource {
  readonly name: string
  readonly connected: boolean
  readonly containers: number
  readonly engine: unknown
}

export interface EndToEndFleet {
  readonly url: string
  /** The token of a user who may see everything. */
  readonly token: string
  /** Issues a user's token with `rdl token issue`; the words are its flags. */
  readonly issue: (user: string, ...flags: ReadonlyArray<string>) => Promise<string>
  /** Asks the proxy over plain HTTP. */
  readonly get: (path: string, options?: AskOptions) => Promise<Response>
  readonly json: <A>(path: string, options?: AskOptions) => Promise<A>
  /** The proxy's and the sources' processes; a killed one can be started again under its old name. */
  readonly proxy: () => Serving
  readonly source: (name: string) => Serving
  readonly startProxy: () => Promise<void>
  readonly startSource: (name: string, engine: string) => Promise<void>
  /** Waits until the list shows the container as wanted. */
  readonly listed: (id: string, wanted?: (container: Listed) => boolean) => Promise<Listed>
  /** Waits until the source is as wanted. */
  readonly sourceIs: (name: string, wanted: (source: ListedSource) => boolean) => Promise<ListedSource>
  readonly stop: () => Promise<void>
}

export interface AskOptions {
  readonly token?: string
  readonly accept?: string
  readonly signal?: AbortSignal
}

/** Starts a proxy, and a source on each of the sockets, named `edge-1`, `edge-2`, …; `flags` are those of the sources. */
export const start = async (
  rdl: RdlProcess,
  sockets: ReadonlyArray<string>,
  flags: ReadonlyArray<string> = [],
): Promise<EndToEndFleet> => {
  const file = (name: string) => join(rdl.directory, name)
  const made = async (name: string, words: ReadonlyArray<string>) => {
    const { code, stderr, stdout } = await rdl.run(words)
    if (code !== 0 || stderr !== "") throw new Error(`rdl ${words.join(" ")}: ${code} ${stderr}`)
    writeFileSync(file(name), stdout)
    return stdout.trim()
  }
  const key = ["--key-file", file("signing.jwk")]
  await made("signing.jwk", ["key", "generate"])
  await made("public.jwk", ["key", "public", ...key])
  const issue = (user: string, ...flags: ReadonlyArray<string>) =>
    made(`${user}.token`, ["token", "issue", ...key, "--user", user, ...flags])
  const token = await issue("ada")

  const processes = new Map<string, Serving>()
  const running = (name: string) => {
    const process = processes.get(name)
    if (process === undefined) throw new Error(`${name} was never started`)
    return process
  }
  let listen = `${ownAddress}:0`
  let url = ""
  const startProxy = async () => {
    const proxy = serving(rdl.start(["proxy", "--listen", listen, "--key-file", file("public.jwk")]))
    processes.set("proxy", proxy)
    url = (await proxy.says(/listening on (\S+)/))[1] ?? ""
    listen = new URL(url).host
  }
  const startSource = async (name: string, engine: string) => {
    const tokenFile = file(`${name}.source`)
    const words = ["source", "--proxy", url, "--token-file", tokenFile, "--engine", `unix://${engine}`, ...flags]
    processes.set(name, serving(rdl.start(words)))
    await running(name).says(/linked to the proxy/)
  }
  const get: EndToEndFleet["get"] = (path, { accept, signal, token: other } = {}) =>
    fetch(`${url}${path}`, {
      headers: { authorization: `Bearer ${other ?? token}`, ...(accept === undefined ? {} : { accept }) },
      ...(signal === undefined ? {} : { signal }),
    })
  const json = async <A>(path: string, options?: AskOptions) => (await (await get(path, options)).json()) as A

  await startProxy()
  for (const [index, socket] of sockets.entries()) {
    const name = `edge-${index + 1}`
    await made(`${name}.source`, ["token", "issue", ...key, "--source", name])
    await startSource(name, socket)
  }
  return {
    url,
    token,
    issue,
    get,
    json,
    proxy: () => running("proxy"),
    source: running,
    startProxy,
    startSource,
    listed: (id, wanted = () => true) =>
      until(`container ${id} to be listed`, async () =>
        (await json<ReadonlyArray<Listed>>("/containers?all=1")).find((one) => one.id === id && wanted(one)),
      ),
    sourceIs: (name, wanted) =>
      until(`source ${name}`, async () =>
        (await json<ReadonlyArray<ListedSource>>("/sources")).find((one) => one.name === name && wanted(one)),
      ),
    stop: async () => {
      await Promise.all(Array.from(processes.values(), (process) => process.stop("SIGKILL")))
      rmSync(file("signing.jwk"), { force: true })
    },
  }
}

/** Asks again and again until there is an answer. */
export const until = async <A>(what: string, ask: () => Promise<A | undefined>): Promise<A> => {
  const deadline = Date.now() + PATIENCE
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) throw new Error(`waited ${PATIENCE} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The body of an answer, read piece by piece as a user would. */
export interface Reading {
  /** Everything up to and with the next appearance of the text; what came behind it stays for the next call. */
  readonly through: (text: string) => Promise<string>
  /** Whatever is left, up to the proper end; rejects where the connection breaks. */
  readonly rest: () => Promise<string>
}

export const reading = (response: Response): Reading => {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let held = ""
  const take = (length: number) => {
    const taken = held.slice(0, length)
    held = held.slice(length)
    return taken
  }
  return {
    through: async (text) => {
      for (;;) {
        const at = held.indexOf(text)
        if (at >= 0) return take(at + text.length)
        const { done, value } = await reader.read()
        if (done) throw new Error(`the body ended before ${JSON.stringify(text)}: ${JSON.stringify(held)}`)
        held += value
      }
    },
    rest: async () => {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return take(held.length)
        held += value
      }
    },
  }
}

/** The data of server-sent events, parsed; comments are passed over. Throws at what is no event. */
export const events = (text: string): ReadonlyArray<unknown> =>
  text
    .split("\n\n")
    .filter((event) => event !== "" && !event.startsWith(":"))
    .map((event) => JSON.parse(/^(?:id: [\w-]+\n)?data: (.*)$/.exec(event)?.[1] ?? `no event: ${event}`) as unknown)

/** The objects of an NDJSON body, parsed. */
export const objects = (text: string): ReadonlyArray<unknown> =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown)
