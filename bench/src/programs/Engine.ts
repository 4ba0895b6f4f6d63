/** An engine that answers from memory: so much of a log as it is told to give, or a line now and then. It costs next to nothing itself. */
import { createHash } from "node:crypto"
import { createServer, type ServerResponse } from "node:http"
import { serve } from "../Parent.ts"

/** `bulk` has records of 16,000 bytes, `lines` of 100, both as fast as they are taken; `live` is a follow. */
export type LogKind = "bulk" | "lines" | "live"

export interface EngineConfig {
  readonly socketPath: string
  readonly containers: ReadonlyArray<{ readonly name: string; readonly kind: LogKind }>
  /** Lines each follow gets in a second. */
  readonly linesPerSecond: number
}

/** From now on each log has so many bytes, time stamps and framing not counted. */
export interface SetBytes {
  readonly bytesPerLog: number
}

/** What is written at once. */
const BLOCK = 256 * 1024
const STAMP = "2026-01-01T00:00:00.000000000Z "
const RECORD: Readonly<Record<LogKind, number>> = { bulk: 16_000, lines: 100, live: 100 }

export const idOf = (name: string): string => createHash("sha256").update(name).digest("hex")

const frame = (line: string): Buffer => {
  const header = Buffer.alloc(8)
  header[0] = 1
  header.writeUInt32BE(line.length, 4)
  return Buffer.concat([header, Buffer.from(line, "latin1")])
}

const text = (kind: LogKind, stamp: string): string => `${stamp}${"x".repeat(RECORD[kind] - 1)}\n`

const makeBlock = (kind: LogKind, stamped: boolean): Buffer => {
  const one = frame(text(kind, stamped ? STAMP : ""))
  return Buffer.concat(Array.from({ length: Math.ceil(BLOCK / RECORD[kind]) }, () => one))
}

/** Writes the block until the log is whole, as fast as it is taken. */
const pour = (response: ServerResponse, block: Buffer, times: number): void => {
  let left = times
  const more = () => {
    let hasRoom = true
    while (left > 0 && hasRoom) {
      left -= 1
      hasRoom = response.write(block)
    }
    if (left === 0) response.end()
    else response.once("drain", more)
  }
  more()
}

/** A line says when it was written, by the clock that all processes of the machine share. */
const follow = (response: ServerResponse, stamped: boolean, linesPerSecond: number): void => {
  const gap = 1_000 / linesPerSecond
  const write = () => {
    const now = `T${process.hrtime.bigint()}.`
    response.write(frame(`${stamped ? STAMP : ""}${now.padEnd(RECORD.live - 1, "x")}\n`))
  }
  // Followers are out of step, as they are in life.
  let timer = setTimeout(() => {
    timer = setInterval(write, gap)
  }, Math.random() * gap)
  response.on("close", () => clearInterval(timer))
}

serve(async ({ socketPath, containers, linesPerSecond }: EngineConfig) => {
  let bytesPerLog = 0
  const kinds = new Map(containers.map(({ name, kind }) => [idOf(name), kind]))
  const blocks = new Map<string, Buffer>()
  for (const kind of ["bulk", "lines"] as const)
    for (const stamped of [true, false]) blocks.set(`${kind} ${stamped}`, makeBlock(kind, stamped))
  const list = containers.map(({ name }) => ({
    Id: idOf(name),
    Names: [`/${name}`],
    Image: "bench",
    Created: 1_767_225_600,
    State: "running",
    Status: "Up",
  }))

  const json = (response: ServerResponse, value: unknown) =>
    response.writeHead(200, { "content-type": "application/json", "api-version": "1.41" }).end(JSON.stringify(value))
  const log = (response: ServerResponse, id: string, query: string) => {
    const kind = kinds.get(id)
    if (kind === undefined) return void response.writeHead(404).end('{"message":"No such container"}')
    const stamped = query.includes("timestamps=1")
    response.writeHead(200, { "content-type": "application/vnd.docker.multiplexed-stream" })
    response.flushHeaders()
    if (kind === "live") return follow(response, stamped, linesPerSecond)
    const recordsPerBlock = Math.ceil(BLOCK / RECORD[kind])
    pour(response, blocks.get(`${kind} ${stamped}`)!, Math.ceil(bytesPerLog / (recordsPerBlock * RECORD[kind])))
  }
  const server = createServer({ keepAlive: true }, (request, response) => {
    response.on("error", () => response.destroy())
    const [path = "", query = ""] = (request.url ?? "").replace(/^\/v[\d.]+/, "").split("?")
    const [, id = "", what] = /^\/containers\/([0-9a-f]{64})\/(json|logs)$/.exec(path) ?? []
    if (what === "logs") return log(response, id, query)
    if (what === "json") return json(response, { Id: id, Config: { Tty: false }, State: { Status: "running" } })
    if (path === "/_ping") return json(response, "OK")
    if (path === "/version") return json(response, { Version: "bench", Os: "linux", Arch: process.arch })
    if (path === "/containers/json") return json(response, list)
    if (path === "/events") return response.writeHead(200).flushHeaders()
    response.writeHead(404).end('{"message":"page not found"}')
  })
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  return {
    answer: (request: SetBytes) => {
      bytesPerLog = request.bytesPerLog
    },
  }
})
