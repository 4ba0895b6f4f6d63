/** A folder with the json-file log of one container, rotated as Docker does it; what this process has open there. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"

/** When line 0 was written: one a second. */
const FIRST_MS = Date.parse("2026-11-22T10:00:00Z")

export const stampOf = (n: number): string => new Date(FIRST_MS + n * 1000).toISOString().replace(".000Z", "Z")

/** Line `n` as the driver stores it. */
export const lineOf = (n: number, text = `line ${n}`): string =>
  `{"log":"${text}\\n","stream":"stdout","time":"${stampOf(n)}"}\n`

export class LogFolder {
  readonly id: string
  readonly root: string
  readonly folder: string
  readonly path: string
  private readonly inode: string
  /** How many older files are kept. */
  readonly kept: number

  constructor(kept: number, id = "ab".repeat(32)) {
    this.kept = kept
    this.id = id
    this.root = mkdtempSync(join(tmpdir(), "rdl-log-"))
    this.folder = join(this.root, this.id)
    this.path = join(this.folder, `${this.id}-json.log`)
    mkdirSync(this.folder)
    this.inode = statSync(this.folder).ino.toString(16)
    writeFileSync(this.path, "")
  }

  write(...lines: ReadonlyArray<number>): void {
    appendFileSync(this.path, lines.map((n) => lineOf(n)).join(""))
  }

  /** The newest file is put aside, and a new one begun with these lines. */
  rotate(...lines: ReadonlyArray<number>): void {
    const paths = Array.from({ length: this.kept }, (_, index) => `${this.path}.${index + 1}`)
    const names = [this.path, ...paths]
    rmSync(names.at(-1)!, { force: true })
    for (let index = names.length - 2; index >= 0; index--)
      if (existsSync(names[index]!)) renameSync(names[index]!, names[index + 1]!)
    writeFileSync(this.path, "")
    this.write(...lines)
  }

  /** The older file of this number is packed. */
  pack(number: number): void {
    const path = `${this.path}.${number}`
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)))
    rmSync(path)
  }

  /** The folder as it is after the container was removed. */
  removeFolder(): void {
    rmSync(this.folder, { recursive: true })
  }

  /** What this process holds of the folder: descriptors of its files, and watches of itself. */
  held(): { readonly files: number; readonly watches: number } {
    const descriptors = descriptorsNow()
    const watch = new RegExp(`^inotify .*\\bino:${this.inode} `, "gm")
    const watches = descriptors
      .filter(({ target }) => target.includes("inotify"))
      .flatMap(({ fd }) => [...textOf(`/proc/self/fdinfo/${fd}`).matchAll(watch)])
    return { files: descriptors.filter(({ target }) => target.startsWith(this.root)).length, watches: watches.length }
  }

  /** Whether this process has the newest file open. */
  isNewestHeld(): boolean {
    return descriptorsNow().some(({ target }) => target === this.path)
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}

const descriptorsNow = () => readdirSync("/proc/self/fd").map((fd) => ({ fd, target: targetOf(`/proc/self/fd/${fd}`) }))

const targetOf = (path: string): string => {
  try {
    return readlinkSync(path)
  } catch {
    // It was closed since the folder was listed.
    return ""
  }
}

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}
