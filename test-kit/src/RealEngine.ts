/** Real container engines for tests: finds those that are up, and makes and removes containers on them. */
import { readFileSync, existsSync, statSync } from "node:fs"
import { randomBytes } from "node:crypto"
import { Client } from "undici"

/** A container that a test runs; removed, with its log, by `remove`. */
export interface RealContainer {
  readonly id: string
  readonly name: string
  readonly start: () => Promise<void>
  /** Waits until it has exited; the exit code. */
  readonly wait: () => Promise<number>
  readonly stop: () => Promise<void>
  readonly remove: () => Promise<void>
}

export interface ContainerSpec {
  /** Run by busybox `sh -c`. */
  readonly script: string
  readonly name?: string
  readonly tty?: boolean
  readonly labels?: Record<string, string>
  readonly logDriver?: string
  readonly logOptions?: Record<string, string>
  readonly env?: ReadonlyArray<string>
}

const IMAGE = "rdl-test:1"

/** Sockets of the engines to test against: `RDL_TEST_ENGINES` (comma-separated `unix://` URLs), else this machine's own Docker, if any. */
export const engineSockets = (): ReadonlyArray<string> => {
  const listed = process.env["RDL_TEST_ENGINES"]
  if (listed !== undefined)
    return listed
      .split(",")
      .filter((url) => url !== "")
      .map(socketPath)
  const own = socketPath(process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock")
  return existsSync(own) && statSync(own).isSocket() ? [own] : []
}

const socketPath = (url: string): string => url.replace(/^unix:\/\//, "")

/** The engine at a socket. Its own requests are far more than a source may ask: it plays the machine's owner. */
export class RealEngine {
  readonly socket: string
  private readonly client: Client
  private imageReady: Promise<void> | undefined

  constructor(socket: string) {
    this.socket = socket
    this.client = new Client("http://engine", { socketPath: socket, bodyTimeout: 0, headersTimeout: 60_000 })
  }

  /** The whole body of an answer; throws on a status of 400 and above. */
  async request(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<Buffer> {
    const answer = await this.client.request({
      method,
      path,
      ...(body instanceof Uint8Array
        ? { body, headers: { "content-type": "application/x-tar" } }
        : body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    })
    const bytes = Buffer.from(await answer.body.arrayBuffer())
    if (answer.statusCode >= 400) throw new Error(`${method} ${path}: ${answer.statusCode} ${bytes.toString()}`)
    return bytes
  }

  async json<A>(path: string): Promise<A> {
    return JSON.parse((await this.request("GET", path)).toString()) as A
  }

  /** What the engine itself answers for a log: the truth that everything is compared with. */
  logs(id: string, query: string): Promise<Buffer> {
    return this.request("GET", `/containers/${id}/logs?${query}`)
  }

  async create(spec: ContainerSpec): Promise<RealContainer> {
    await (this.imageReady ??= this.ensureImage())
    const name = spec.name ?? `rdl-test-${randomBytes(6).toString("hex")}`
    const { Id: id } = JSON.parse(
      (
        await this.request("POST", `/containers/create?name=${name}`, {
          Image: IMAGE,
          Cmd: ["/bin/sh", "-c", spec.script],
          Tty: spec.tty ?? false,
          Labels: { "rdl.test": "1", ...spec.labels },
          Env: spec.env ?? [],
          StopTimeout: 1,
          HostConfig: {
            NetworkMode: "none",
            LogConfig: { Type: spec.logDriver ?? "json-file", Config: spec.logOptions ?? {} },
          },
        })
      ).toString(),
    ) as { Id: string }
    return {
      id,
      name,
      start: async () => void (await this.request("POST", `/containers/${id}/start`)),
      wait: async () =>
        (JSON.parse((await this.request("POST", `/containers/${id}/wait`)).toString()) as { StatusCode: number })
          .StatusCode,
      stop: async () => void (await this.request("POST", `/containers/${id}/stop?t=0`)),
      remove: async () => void (await this.request("DELETE", `/containers/${id}?force=1&v=1`)),
    }
  }

  /** Creates and starts. */
  async run(spec: ContainerSpec): Promise<RealContainer> {
    const container = await this.create(spec)
    await container.start()
    return container
  }

  /** Runs to the end; the container stays, so that its log can be read. */
  async runToEnd(spec: ContainerSpec): Promise<RealContainer> {
    const container = await this.run(spec)
    await container.wait()
    return container
  }

  close(): Promise<void> {
    return this.client.destroy()
  }

  private async ensureImage(): Promise<void> {
    const images = await this.json<ReadonlyArray<unknown>>(
      `/images/json?filters=${encodeURIComponent(JSON.stringify({ reference: [IMAGE] }))}`,
    )
    if (images.length > 0) return
    if (existsSync("/bin/busybox")) {
      await this.request("POST", "/images/create?fromSrc=-&repo=rdl-test&tag=1", busyboxTar("/bin/busybox"))
      return
    }
    await this.request("POST", "/images/create?fromImage=busybox&tag=1.37")
    await this.request("POST", "/images/busybox:1.37/tag?repo=rdl-test&tag=1")
  }
}

/** A root file system of one static program and the names it answers to. */
const busyboxTar = (path: string): Buffer => {
  const program = readFileSync(path)
  const links = [
    "sh",
    "cat",
    "date",
    "dd",
    "echo",
    "head",
    "od",
    "printf",
    "seq",
    "sleep",
    "tr",
    "usleep",
    "yes",
    "awk",
    "true",
    "stty",
  ]
  return Buffer.concat([
    tarEntry("bin/", "5", 0o755, Buffer.alloc(0)),
    tarEntry("tmp/", "5", 0o777, Buffer.alloc(0)),
    tarEntry("bin/busybox", "0", 0o755, program),
    ...links.map((name) => tarEntry(`bin/${name}`, "2", 0o777, Buffer.alloc(0), "busybox")),
    Buffer.alloc(1024),
  ])
}

const tarEntry = (name: string, type: string, mode: number, content: Buffer, target = ""): Buffer => {
  const header = Buffer.alloc(512)
  const octal = (value: number, width: number) => value.toString(8).padStart(width - 1, "0") + "\0"
  header.write(name, 0)
  header.write(octal(mode, 8), 100)
  header.write(octal(0, 8), 108)
  header.write(octal(0, 8), 116)
  header.write(octal(content.length, 12), 124)
  header.write(octal(0, 12), 136)
  header.write("        ", 148)
  header.write(type, 156)
  header.write(target, 157)
  header.write("ustar\u000000", 257)
  header.write(
    header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0") + "\0 ",
    148,
  )
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)])
}
