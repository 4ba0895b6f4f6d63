/** One container: what it is, the states it goes through, and the log it writes. */
import { createHash, randomBytes } from "node:crypto"
import { type EngineClock, NANOS_PER_SECOND } from "./EngineClock.ts"
import { type LogStream, RecordSplitter } from "./LogRecord.ts"
import { LogStore, type Rotation } from "./LogStore.ts"

export type ContainerStatus = "created" | "running" | "paused" | "exited" | "removing" | "dead"

export interface ContainerSpec {
  /** Default `sample-` and six characters; must be free. */
  readonly name?: string
  /** 64 lower-case hexadecimal digits; default random. */
  readonly id?: string
  /** Default `rdl/sample:1`. */
  readonly image?: string
  /** Default `["sample"]`. */
  readonly command?: ReadonlyArray<string>
  /** A terminal: everything is stdout, lines end in CR LF, answers have no frames. */
  readonly tty?: boolean
  readonly labels?: Readonly<Record<string, string>>
  readonly env?: ReadonlyArray<string>
  /** Default `json-file`; `none` cannot be read; `local` keeps bytes that are no UTF-8. */
  readonly logDriver?: string
  /** `labels`, `env` and `tag` choose what `details` shows, as the json-file driver does; the rest is only repeated by inspect. */
  readonly logOptions?: Readonly<Record<string, string>>
  /** The state it is found in, reached by the events that lead there; default `running`. */
  readonly state?: ContainerStatus
  /** Beyond this the oldest records are dropped; payload and 128 bytes a record; default 8 MiB. */
  readonly maxLogBytes?: number
  /** `us` stamps whole microseconds, as journald does, so that equal times occur; default `ns`. */
  readonly timeResolution?: "ns" | "us"
  /** When it was created and first started, in nanoseconds since 1970; default now. */
  readonly created?: bigint
}

/** What a container needs of its engine. */
export interface ContainerHost {
  readonly clock: EngineClock
  /** The order in which the engine tells of a stop. */
  readonly stopBeforeDie: boolean
  /** Tells the engine's events; of `attributes`, on top of labels, image and name, those that it knows. */
  readonly emit: (container: Container, action: string, attributes?: Readonly<Record<string, string>>) => void
  /** Throws when another container has the name. */
  readonly rename: (container: Container, name: string) => void
  readonly forget: (container: Container) => void
}

const DEFAULT_MAX_LOG_BYTES = 8 * 1024 * 1024

/** All methods act at once; each throws when the container's state does not allow it. */
export class Container {
  readonly id: string
  readonly image: string
  readonly imageId: string
  readonly command: ReadonlyArray<string>
  readonly tty: boolean
  readonly labels: Readonly<Record<string, string>>
  readonly env: ReadonlyArray<string>
  readonly logDriver: string
  readonly logOptions: Readonly<Record<string, string>>
  readonly store: LogStore
  /** Nanoseconds since 1970, as all times here. */
  readonly created: bigint
  name: string
  status: ContainerStatus = "created"
  startedAt: bigint | undefined
  finishedAt: bigint | undefined
  exitCode = 0
  private readonly host: ContainerHost
  private readonly microseconds: boolean
  private readonly splitters: Record<LogStream, RecordSplitter>

  constructor(host: ContainerHost, spec: ContainerSpec) {
    this.host = host
    this.id = spec.id ?? randomBytes(32).toString("hex")
    if (!/^[0-9a-f]{64}$/.test(this.id))
      throw new Error(`container id ${this.id}: not 64 lower-case hexadecimal digits`)
    this.name = spec.name ?? `sample-${randomBytes(3).toString("hex")}`
    this.image = spec.image ?? "rdl/sample:1"
    this.imageId = "sha256:" + createHash("sha256").update(this.image).digest("hex")
    this.command = spec.command ?? ["sample"]
    this.tty = spec.tty ?? false
    this.labels = spec.labels ?? {}
    this.env = spec.env ?? []
    this.logDriver = spec.logDriver ?? "json-file"
    this.logOptions = spec.logOptions ?? {}
    this.store = new LogStore(spec.maxLogBytes ?? DEFAULT_MAX_LOG_BYTES)
    this.created = spec.created ?? host.clock.now()
    this.microseconds = spec.timeResolution === "us"
    const textOnly = this.logDriver === "json-file"
    this.splitters = {
      stdout: new RecordSplitter("stdout", textOnly),
      stderr: new RecordSplitter("stderr", textOnly),
    }
  }

  get running(): boolean {
    return this.status === "running" || this.status === "paused"
  }

  /**
   * Writes to a stream of the container, cut into records as the engine does; text without newline is not stored yet.
   * `at` is the time of every record of this write; default the engine's clock, asked for each line.
   */
  log(stream: LogStream, data: string | Uint8Array, options: { readonly at?: bigint } = {}): void {
    this.expect("write to its log", "running", "paused")
    if (this.logDriver === "none") return
    const bytes = typeof data === "string" ? Buffer.from(data) : data
    const { at } = options
    const now = at === undefined ? this.now : () => at
    const splitter = this.splitters[this.tty ? "stdout" : stream]
    splitter.write(this.tty ? terminalBytes(bytes) : bytes, now, (record) => this.store.append(record))
  }

  /** Drops records as a rotation of the log file does, and plays what the engine's followers make of it. */
  rotate(rotation: Rotation = {}): void {
    this.store.rotate(rotation)
  }

  /** `at` is what inspect tells as the time of the start; default now. */
  start(options: { readonly at?: bigint | undefined } = {}): void {
    this.expect("start", "created", "exited")
    this.status = "running"
    this.startedAt = options.at ?? this.host.clock.now()
    this.host.emit(this, "start")
  }

  /** Ends by itself. Followers read to the end, less `followersMiss` records (Docker 20.10 may end a follow early), and end. */
  exit(exitCode = 0, options: { readonly followersMiss?: number } = {}): void {
    this.expect("exit", "running", "paused")
    this.end(exitCode, ["die"], options.followersMiss)
  }

  /** As `docker stop`: exit code 137 means that it did not listen to SIGTERM. */
  stop(options: { readonly exitCode?: number; readonly followersMiss?: number } = {}): void {
    this.expect("stop", "running", "paused")
    const exitCode = options.exitCode ?? 137
    this.host.emit(this, "kill", { signal: "15" })
    if (exitCode === 137) this.host.emit(this, "kill", { signal: "9" })
    this.end(exitCode, this.host.stopBeforeDie ? ["stop", "die"] : ["die", "stop"], options.followersMiss)
  }

  kill(): void {
    this.expect("be killed", "running", "paused")
    this.host.emit(this, "kill", { signal: "9" })
    this.exit(137)
  }

  /** As `docker restart`: stops it if it runs, then starts it. */
  restart(options: { readonly exitCode?: number } = {}): void {
    if (this.running) this.stop(options)
    this.start()
    this.host.emit(this, "restart")
  }

  pause(): void {
    this.expect("pause", "running")
    this.status = "paused"
    this.host.emit(this, "pause")
  }

  unpause(): void {
    this.expect("unpause", "paused")
    this.status = "running"
    this.host.emit(this, "unpause")
  }

  rename(name: string): void {
    const oldName = "/" + this.name
    this.host.rename(this, name)
    this.host.emit(this, "rename", { oldName })
  }

  /** What `rm -f` shows for some milliseconds, or a failed one for ever (`dead`): listed, inspectable, its log refused. */
  markRemoving(status: "removing" | "dead" = "removing"): void {
    if (this.running) this.kill()
    this.status = status
  }

  /** As `docker rm -f`: the container and its log are gone. */
  remove(): void {
    if (this.running) this.kill()
    this.host.forget(this)
    this.host.emit(this, "destroy")
  }

  private end(exitCode: number, told: ReadonlyArray<"die" | "stop">, followersMiss = 0): void {
    for (const splitter of Object.values(this.splitters)) splitter.end(this.now, (record) => this.store.append(record))
    this.status = "exited"
    this.exitCode = exitCode
    this.finishedAt = this.host.clock.now()
    const ran = Number((this.finishedAt - (this.startedAt ?? this.finishedAt)) / NANOS_PER_SECOND)
    for (const action of told)
      this.host.emit(this, action, action === "die" ? { execDuration: String(ran), exitCode: String(exitCode) } : {})
    this.store.endFollowers(followersMiss)
  }

  private readonly now = (): bigint => {
    const now = this.host.clock.now()
    return this.microseconds ? now - (now % 1000n) : now
  }

  private expect(action: string, ...allowed: ReadonlyArray<ContainerStatus>): void {
    if (!allowed.includes(this.status)) throw new Error(`container ${this.name} is ${this.status}: it cannot ${action}`)
  }
}

/** What a terminal makes of a newline. */
const terminalBytes = (bytes: Uint8Array): Buffer =>
  Buffer.from(Buffer.from(bytes).toString("latin1").replaceAll("\n", "\r\n"), "latin1")
