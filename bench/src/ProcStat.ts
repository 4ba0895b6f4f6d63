/** What the kernel says of processes: CPU time and memory, from /proc. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs"

/** Whether this machine has what is measured with. */
export const isHere = existsSync("/proc/self/stat")

/** Clock ticks of /proc per second: 100 on every Linux that Node runs on. */
const TICKS = 100

/** User and system time of a process so far, in seconds; of those of its children that it has waited for as well. 0 once it is gone. */
export const cpuSeconds = (pid: number): number => {
  const fields = statOf(pid)
  // utime, stime, cutime, cstime: the 14th to the 17th of proc(5), the first two of which are cut off.
  return fields === undefined ? 0 : [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0) / TICKS
}

/** The same of several processes. */
export const cpuSecondsOf = (pids: ReadonlyArray<number>): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)

/** Memory of a process that is in RAM now, in bytes. 0 once it is gone. */
export const residentBytes = (pid: number): number => statusBytes(pid, "VmRSS")

/** The process and all that descend from it, as of now. */
export const familyOf = (pid: number): ReadonlyArray<number> => {
  const parents = new Map<number, number>()
  for (const name of readdirSync("/proc")) {
    const parent = /^\d+$/.test(name) ? statOf(Number(name))?.[1] : undefined
    if (parent !== undefined) parents.set(Number(name), Number(parent))
  }
  const family = [pid]
  for (const member of family) for (const [child, parent] of parents) if (parent === member) family.push(child)
  return family
}

/** The processes that listen at a unix socket, as far as this user may see what they have open. */
export const listenersOf = (socketPath: string): ReadonlyArray<number> => {
  const sockets = readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[7] === socketPath && fields[5] === LISTENING)
    .map((fields) => `socket:[${fields[6]}]`)
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && opens(name, sockets))
    .map(Number)
}

/** The state of /proc/net/unix. */
const LISTENING = "01"

const opens = (pid: string, links: ReadonlyArray<string>): boolean => {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => links.includes(linkOf(`/proc/${pid}/fd/${fd}`)))
  } catch {
    return false
  }
}

const linkOf = (path: string): string => {
  try {
    return readlinkSync(path)
  } catch {
    return ""
  }
}

/** The fields of `stat` from the third on: the second, the name, may hold anything. */
const statOf = (pid: number): ReadonlyArray<string> | undefined => {
  const text = read(pid, "stat")
  return text?.slice(text.lastIndexOf(")") + 2).split(" ")
}

const statusBytes = (pid: number, field: string): number => {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(read(pid, "status") ?? "")
  return Number(found?.[1] ?? 0) * 1024
}

const read = (pid: number, file: string): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8")
  } catch {
    return undefined
  }
}
