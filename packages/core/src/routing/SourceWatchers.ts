/** Who waits for news of a source: that its link is up, that it has told something. */
import type { SourceName } from "../model/SourceName.ts"

/** Nobody waits yet. Whoever adds itself has to remove itself. */
export const make = () => {
  const bySource = new Map<SourceName, Set<() => void>>()
  return {
    add: (source: SourceName, listen: () => void) => {
      const listening = bySource.get(source) ?? new Set()
      bySource.set(source, listening.add(listen))
    },
    remove: (source: SourceName, listen: () => void) => {
      const listening = bySource.get(source)
      listening?.delete(listen)
      if (listening?.size === 0) bySource.delete(source)
    },
    /** Those who stop listening while they are told do so at once; those who begin are told next time. */
    tell: (source: SourceName) => {
      for (const listen of Array.from(bySource.get(source) ?? [])) listen()
    },
  }
}
