/** What the proxy believes a source to have: the changes it sent, applied in order. A plain state machine, fed with bytes. */
import { Either, ParseResult, Schema } from "effect"
import type { Container, ContainerId } from "../model/Container.ts"
import type { Engine } from "../model/Engine.ts"
import { InventoryChange } from "../model/InventoryChange.ts"
import * as LineSplitter from "../log/LineSplitter.ts"

/** What one source may tell at most; beyond it its link is closed. */
export interface Limits {
  /** Bytes of one change, newline not counted. */
  readonly maxLine: number
  /** Containers of one source. */
  readonly maxContainers: number
  /** Bytes of all changes that are held. */
  readonly maxBytes: number
}

/** 256 KiB a change, 50,000 containers and 64 MiB a source: reaching one of them ends the source's session. */
export const defaults: Limits = { maxLine: 256 * 1024, maxContainers: 50_000, maxBytes: 64 * 1024 * 1024 }

/** The containers of one source as they were told last; kept while its link is down. */
export interface Inventory {
  readonly containers: ReadonlyMap<ContainerId, Container>
  /** Null while the source cannot reach its engine, undefined until the source has said anything of it. */
  readonly engine: () => Engine | null | undefined
  /** When the engine was lost that cannot be reached now: what is told of its containers was true then. */
  readonly engineLostAt: () => number | undefined
  /** When the container was told of last: the words of its status are as old as that. */
  readonly toldAt: (id: ContainerId) => number | undefined
  /** Whether a snapshot came through whole since `restart`. */
  readonly ready: () => boolean
  /** A new stream begins; what is known stays until its snapshot is whole. */
  readonly restart: () => void
  /** Applies what the bytes complete; a sentence if they cannot be right, after which only `restart` helps. */
  readonly push: (bytes: Uint8Array) => string | undefined
}

/** How a container was told of. */
interface Told {
  readonly bytes: number
  readonly at: number
}

/** An inventory that knows nothing yet; `now` is the clock that its times are by. */
export const make = (limits: Limits, now: () => number): Inventory => {
  const containers = new Map<ContainerId, Container>()
  const told = new Map<ContainerId, Told>()
  let held = 0
  let engine: Engine | null | undefined
  let engineLostAt: number | undefined
  let ready = false
  let snapshot: Set<ContainerId> | undefined
  let problem: string | undefined
  let splitter: LineSplitter.LineSplitter

  const remove = (id: ContainerId) => {
    held -= told.get(id)?.bytes ?? 0
    told.delete(id)
    containers.delete(id)
    snapshot?.delete(id)
  }

  const put = (container: Container, bytes: number): string | undefined => {
    held += bytes - (told.get(container.id)?.bytes ?? 0)
    told.set(container.id, { bytes, at: now() })
    containers.set(container.id, container)
    snapshot?.add(container.id)
    if (containers.size > limits.maxContainers) return `more than ${limits.maxContainers} containers`
    if (held > limits.maxBytes) return `an inventory of more than ${limits.maxBytes} bytes`
    return undefined
  }

  const becomeReady = () => {
    const seen = snapshot
    snapshot = undefined
    ready = true
    if (seen !== undefined) for (const id of containers.keys()) if (!seen.has(id)) remove(id)
  }

  const apply = (change: InventoryChange, bytes: number): string | undefined => {
    if (change._tag === "Put") return put(change.container, bytes)
    if (change._tag === "Begin") snapshot = new Set()
    else if (change._tag === "Remove") remove(change.id)
    else if (change._tag === "Ready") becomeReady()
    else setEngine(change.engine)
    return undefined
  }

  const setEngine = (there: Engine | null) => {
    engine = there
    engineLostAt = there === null ? (engineLostAt ?? now()) : undefined
  }

  const restart = () => {
    ready = false
    snapshot = undefined
    problem = undefined
    splitter = LineSplitter.make(limits.maxLine, (line) => {
      if (problem !== undefined || line.length === 0) return
      const change = decode(line)
      problem = Either.isLeft(change) ? change.left : apply(change.right, line.length)
    })
  }
  restart()

  return {
    containers,
    engine: () => engine,
    engineLostAt: () => engineLostAt,
    toldAt: (id) => told.get(id)?.at,
    ready: () => ready,
    restart,
    push: (bytes) => {
      if (problem === undefined && !splitter.push(bytes)) problem ??= `a change of more than ${limits.maxLine} bytes`
      return problem
    },
  }
}

const utf8 = new TextDecoder()
const decodeChange = Schema.decodeUnknownEither(InventoryChange)

/** Says where a line is wrong, never what it held: the source may be anyone's. */
const decode = (line: Uint8Array): Either.Either<InventoryChange, string> => {
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(line))
  } catch {
    return Either.left("a change that is not JSON")
  }
  return Either.mapLeft(decodeChange(value), (error) => {
    const at = ParseResult.ArrayFormatter.formatErrorSync(error)[0]?.path.join(".") ?? ""
    return `a change that is not one${at === "" ? "" : `, at ${at.slice(0, 80)}`}`
  })
}
