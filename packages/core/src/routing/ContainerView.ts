/** Containers as users see them: each made anew only when something of it reads differently. */
import type { Container, SourceContainer } from "../model/Container.ts"
import type { SourceInventory } from "./SourceRegistry.ts"
import * as StatusAge from "../model/StatusAge.ts"

/** A container of the inventory as it reads now; the very same object for as long as it reads the same. */
export type View = (container: Container, inventory: SourceInventory) => SourceContainer

interface Seen {
  view: SourceContainer
  /** Whole seconds of age at which its status was last put in words: these change at no other time. */
  second: number
}

/** A memory of what was seen last; it holds no container that its inventory has dropped. */
export const make = (): View => {
  const last = new WeakMap<Container, Seen>()
  return (container, { ageOf, source, stale }) => {
    const ms = ageOf(container.id)
    const second = Math.floor(ms / 1000)
    const seen = last.get(container)
    if (seen?.second === second && seen.view.stale === stale && seen.view.source === source) return seen.view
    const status = StatusAge.aged(container.status, ms)
    if (seen?.view.status === status && seen.view.stale === stale && seen.view.source === source) {
      seen.second = second
      return seen.view
    }
    const view = { ...container, status, source, stale }
    last.set(container, { view, second })
    return view
  }
}
