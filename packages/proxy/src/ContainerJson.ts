/** Lists of containers as JSON: what the schema makes of them, kept for as long as they read the same. */
import { SourceContainer } from "@rdl/core/model/Container"
import { Schema } from "effect"

const encode = Schema.encodeSync(Schema.parseJson(SourceContainer))

/**
 * Writes lists: a JSON array of the containers, to the byte what their schema gives. A container is written out once,
 * and the last list is kept as a whole, so neither they nor the bytes may be changed. What is kept of a container is
 * about as long as what its source told, and goes when it does. `write` makes the JSON of one, by default the user API's.
 */
export const make = (
  write: (container: SourceContainer) => string = encode,
): ((containers: ReadonlyArray<SourceContainer>) => Uint8Array) => {
  /** With a comma before each. The router gives the same object for as long as nothing of it has changed. */
  const items = new WeakMap<SourceContainer, Buffer>()
  let last: ReadonlyArray<SourceContainer> = []
  let array = Buffer.from("[]")

  const itemOf = (container: SourceContainer): Buffer => {
    const known = items.get(container)
    if (known !== undefined) return known
    const item = Buffer.from(`,${write(container)}`)
    items.set(container, item)
    return item
  }

  return (containers) => {
    // Most who ask again are told the same; half a megabyte less to collect each time.
    if (isSame(containers, last)) return array
    last = containers
    array = Buffer.concat([...(containers.length === 0 ? [OPEN] : containers.map(itemOf)), CLOSE])
    array.set(OPEN)
    return array
  }
}

const OPEN = Buffer.from("[")
const CLOSE = Buffer.from("]")

const isSame = <A>(a: ReadonlyArray<A>, b: ReadonlyArray<A>): boolean =>
  a.length === b.length && a.every((item, at) => item === b[at])
