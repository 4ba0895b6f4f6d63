/** A Docker daemon of a test's own, for what must not happen to one that others use: being stopped, restarted, killed. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { accessSync, closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { RealEngine } from "./RealEngine.ts"

/** The programs of one version. */
export interface Dockerd {
  readonly name: string
  readonly program: string
  /** What PATH is to be, for it to find its containerd and its runc. */
  readonly path: string
}

/** A daemon that takes longer to start or to end is a failure. */
const PATIENCE_MILLIS = 60_000

const UNMOUNT = "umount"

/**
 * The versions that can be started here: those of `RDL_TEST_DOCKERD` and `RDL_TEST_DOCKERD_MODERN`, for root only.
 * Never one that was only found: a daemon without a bridge removes that of the machine's own.
 */
export const dockerds = (): ReadonlyArray<Dockerd> =>
  process.getuid?.() !== 0
    ? []
    : ["RDL_TEST_DOCKERD", "RDL_TEST_DOCKERD_MODERN"].flatMap((name) => {
        const path = process.env[name] ?? ""
        const [program, ...others] = ["dockerd", "containerd", "runc"].map((wanted) => programIn(path, wanted))
        return program === undefined || others.includes(undefined) ? [] : [{ name, program, path }]
      })

const programIn = (path: string, name: string): string | undefined =>
  path
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find(isExecutable)

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A daemon with directories of its own and no network; the containers of `RealEngine` need none. */
export class PrivateEngine {
  readonly socket: string
  private readonly dockerd: Dockerd
  private readonly home: string
  private readonly options: ReadonlyArray<string>
  private child: ChildProcess | undefined

  private constructor(dockerd: Dockerd, options: ReadonlyArray<string>) {
    this.dockerd = dockerd
    this.options = options
    this.home = mkdtempSync(join(tmpdir(), "rdl-dockerd-"))
    this.socket = join(this.home, "docker.sock")
  }

  /** Starts, and waits until it answers; `options` are more of dockerd's own, such as `--live-restore`. */
  static async start(dockerd: Dockerd, options: ReadonlyArray<string> = []): Promise<PrivateEngine> {
    const engine = new PrivateEngine(dockerd, options)
    try {
      await engine.up()
      return engine
    } catch (error) {
      await engine.remove()
      throw error
    }
  }

  /** A daemon that is down comes up again with the containers it had. */
  async up(): Promise<void> {
    const log = openSync(join(this.home, "log"), "a")
    const child = spawn(this.dockerd.program, [...this.arguments(), ...this.options], {
      env: { ...process.env, PATH: this.dockerd.path },
      stdio: ["ignore", log, log],
    })
    closeSync(log)
    this.child = child
    await this.answers(child)
  }

  /** Stops the daemon, and with it its containers unless it was told to let them live. */
  async down(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const { child } = this
    this.child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, "exit")
    child.kill(signal)
    const force = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MILLIS)
    await ended
    clearTimeout(force)
  }

  async restart(): Promise<void> {
    await this.down()
    await this.up()
  }

  /** Stops it and removes everything it had. */
  async remove(): Promise<void> {
    await this.down()
    await this.containerdEnds()
    // The innermost first.
    for (const mount of mountsBelow(this.home).toReversed()) execFileSync(UNMOUNT, ["-l", mount])
    rmSync(this.home, { recursive: true, force: true, maxRetries: 10 })
  }

  private arguments(): ReadonlyArray<string> {
    const inside = (name: string) => join(this.home, name)
    const namespace = this.home.slice(-6)
    return Object.entries({
      "data-root": inside("data"),
      "exec-root": inside("exec"),
      pidfile: inside("pid"),
      host: `unix://${this.socket}`,
      bridge: "none",
      iptables: "false",
      ip6tables: "false",
      "containerd-namespace": `rdl-${namespace}`,
      "containerd-plugins-namespace": `rdl-plugins-${namespace}`,
    }).map(([option, value]) => `--${option}=${value}`)
  }

  private async answers(child: ChildProcess): Promise<void> {
    const engine = new RealEngine(this.socket)
    const giveUp = Date.now() + PATIENCE_MILLIS
    try {
      while (true) {
        try {
          await engine.request("GET", "/_ping")
          return
        } catch (error) {
          if (child.exitCode !== null || Date.now() > giveUp)
            throw new Error(`${this.dockerd.name}: dockerd does not answer:\n${this.lastWords()}`, { cause: error })
        }
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    } finally {
      await engine.close()
    }
  }

  /** A killed daemon leaves its containerd behind. */
  private async containerdEnds(): Promise<void> {
    const pid = pidIn(join(this.home, "exec/containerd/containerd.pid"))
    if (pid === undefined) return
    const giveUp = Date.now() + PATIENCE_MILLIS
    for (let signal: NodeJS.Signals = "SIGTERM"; sendTo(pid, signal);) {
      if (Date.now() > giveUp) signal = "SIGKILL"
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  private lastWords(): string {
    return readFileSync(join(this.home, "log"), "utf8").split("\n").slice(-20).join("\n")
  }
}

const pidIn = (file: string): number | undefined => {
  try {
    return Number(readFileSync(file, "utf8"))
  } catch {
    return undefined
  }
}

/** False when there is no such process. */
const sendTo = (pid: number, signal: NodeJS.Signals): boolean => {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

const mountsBelow = (directory: string): ReadonlyArray<string> =>
  readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((mount) => mount.startsWith(directory + "/"))
