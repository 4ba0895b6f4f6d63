/** What a source says on its inventory stream: one JSON object a line, a snapshot first, then changes as they happen. */
import { Schema } from "effect"
import { Container, ContainerId } from "./Container.ts"
import { Engine } from "./Engine.ts"

/** The longest line of the stream, in bytes, its newline not counted; a longer one is a broken peer. */
export const MAX_CHANGE_BYTES = 256 * 1024

/** The longest JSON of one container, in bytes; the source leaves out the labels and ports of one that would be longer. */
export const MAX_CONTAINER_BYTES = MAX_CHANGE_BYTES - 1024

/** The most containers of one source; the source tells of the newest only, and a peer that tells of more is broken. */
export const MAX_CONTAINERS = 50_000

/** A snapshot begins: containers not put before the next `Ready` are gone. */
export const Begin = Schema.TaggedStruct("Begin", {})
/** A container that is new or has changed. */
export const Put = Schema.TaggedStruct("Put", { container: Container })
/** The container is gone. */
export const Remove = Schema.TaggedStruct("Remove", { id: ContainerId })
/** The snapshot is whole. */
export const Ready = Schema.TaggedStruct("Ready", {})
/** The engine behind the source; null while it cannot be reached. */
export const EngineChanged = Schema.TaggedStruct("EngineChanged", { engine: Schema.NullOr(Engine) })

/** A line of the inventory stream. protocol.md#inventory */
export const InventoryChange = Schema.Union(Begin, Put, Remove, Ready, EngineChanged)
export type InventoryChange = typeof InventoryChange.Type
