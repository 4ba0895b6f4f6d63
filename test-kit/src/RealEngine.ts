/** Real container engines for tests: finds those that are up, and makes and removes containers on them. */
import { randomBytes } from "node:crypto"
import { existsSync, statSync } from "node:fs"
import { Client } from "undici"
import { ensureBusyboxImage, IMAGE } from "./BusyboxImage.ts"

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
  /** Default `json-file`; what the engine has: `local`, `none`, `syslog`, … Podman's own is `k8s-file`, also by the default's name. */
  readonly logDriver?: string
  /** As the driver takes them: `max-size`, `max-file`, `compress`, `labels`, `tag`, … */
  readonly logOptions?: Record<string, string>
  readonly env?: ReadonlyArray<string>
}

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

/** The socket of the Podman to test against: `RDL_TEST_PODMAN`, a `unix://` URL; never one that was not named. */
export const podmanSocket = (): string | undefined => {
  const named = process.env["RDL_TEST_PODMAN"] ?? ""
  return named === "" ? undefined : socketPath(named)
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
    await (this.imageReady ??= ensureBusyboxImage(this))
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

  /** Creates and starts; leaves nothing behind where it does not start. */
  async run(spec: ContainerSpec): Promise<RealContainer> {
    const container = await this.create(spec)
    await container.start().catch(async (error: unknown) => {
      await container.remove()
      throw error
    })
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
}

/** A script that writes the numbers `from` … `to`, a line each, padded to `width` bytes, as fast as busybox can: 200,000 lines a second. */
export const numbersScript = (from: number, to: number, width = 0): string =>
  width === 0 ? `seq ${from} ${to}` : `awk 'BEGIN { for (i = ${from}; i <= ${to}; i++) printf "%0${width}d\\n", i }'`
