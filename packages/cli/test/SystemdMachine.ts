/** A machine that systemd has started, inside this one: for units that have to be seen running. */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { serving } from "./RdlProcess.ts"

const script = fileURLToPath(new URL("systemd-machine.sh", import.meta.url))

/** Debian: `systemd`; says what is missing, as the tests are then skipped. */
export const canRun = (): boolean => {
  if (process.getuid?.() === 0 && existsSync("/lib/systemd/systemd")) return true
  console.log("no root, or no systemd installed: no units are started")
  return false
}

export interface SystemdMachine {
  /** Runs a command of `sh` in it; what it wrote to standard output. Fails where the command does. */
  readonly run: (command: string) => Promise<string>
  /** Ends it, with everything that runs and was written in it. */
  readonly stop: () => Promise<void>
}

/** Boots one, which takes a second; `files` is laid over its root, and `shared` names what it sees of this machine under other names. */
export const boot = async (files: string, shared: ReadonlyArray<readonly [from: string, to: string]>) => {
  const child = spawn("unshare", ["--mount", "sh", script, files, ...shared.flat()])
  const stop = async () => {
    child.stdin.end()
    if (child.exitCode === null) await once(child, "exit")
  }
  const [, pid = ""] = await serving(child).says(/started (\d+)/)
  const at = ["--target", pid, "--mount", "--ipc", "--uts", "--net", "--cgroup", "--root", "--wdns=/"]
  const enter = [...at, `--pid=/proc/${pid}/ns/pid_for_children`, "env", "-i", `PATH=${PATH}`, "sh", "-euc"]
  const run = async (command: string) => (await promisify(execFile)("nsenter", [...enter, command])).stdout
  const machine: SystemdMachine = { run, stop }
  try {
    await booted(machine)
  } catch (error) {
    await stop()
    throw error
  }
  return machine
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/** Waits until it takes orders, at most half a minute. */
const booted = async ({ run }: SystemdMachine): Promise<void> => {
  const giveUp = Date.now() + 30_000
  while (true) {
    try {
      await run("systemctl is-active --quiet basic.target")
      return
    } catch (error) {
      if (Date.now() > giveUp) throw new Error("systemd does not start in a machine of its own", { cause: error })
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
