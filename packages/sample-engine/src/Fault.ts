/** What can be made to go wrong with an answer. */
import type { EngineRequest } from "./RequestLog.ts"

/** `rst` = reset, what was on its way may be lost; `fin` = an orderly close, but without the end of the answer. On a unix socket the reader sees both as a close. */
export type CutHow = "rst" | "fin"

export interface Fault {
  /** The requests it strikes; default all. */
  readonly when?: (request: EngineRequest) => boolean
  /** How many requests it strikes; default 1, `Infinity` until it is removed. */
  readonly times?: number
  /** Milliseconds before the first byte of the answer; `Infinity` never answers. */
  readonly delay?: number
  /** Answered instead of the engine's own. */
  readonly answer?: { readonly status: number; readonly contentType: string; readonly body: string | Uint8Array }
  /** The body goes no faster than this; bytes a second, as on the wire. */
  readonly bytesPerSecond?: number
  /** The connection breaks after so many bytes of body, counted on the wire, chunk sizes included; 0 = right after the headers. */
  readonly cut?: { readonly afterBytes: number; readonly how: CutHow }
  /** Logs: after so many records comes a chunk of these bytes, which is no frame. */
  readonly garbage?: { readonly afterRecords: number; readonly bytes: Uint8Array }
  /** Logs: after so many records the engine reports an error in band, and ends the answer as if all were well. */
  readonly error?: { readonly afterRecords: number; readonly message: string }
}

export interface ActiveFault {
  /** How many requests it has struck. */
  readonly strikes: number
  readonly remove: () => void
}

const MAX_FAULTS = 100

/** The faults that wait for requests: each request is struck by the first that fits. */
export class Faults {
  private readonly waiting: Array<Fault & { strikes: number }> = []

  /** Throws when 100 are waiting already. */
  add(fault: Fault): ActiveFault {
    if (this.waiting.length >= MAX_FAULTS) throw new Error(`more than ${MAX_FAULTS} faults: remove some`)
    const entry = { ...fault, strikes: 0 }
    this.waiting.push(entry)
    return {
      get strikes() {
        return entry.strikes
      },
      remove: () => this.remove(entry),
    }
  }

  /** The fault that strikes this request, if any. */
  strike(request: EngineRequest): Fault | undefined {
    const fault = this.waiting.find((entry) => entry.when?.(request) ?? true)
    if (fault === undefined) return undefined
    fault.strikes += 1
    if (fault.strikes >= (fault.times ?? 1)) this.remove(fault)
    return fault
  }

  private remove(fault: Fault): void {
    const at = this.waiting.findIndex((entry) => entry === fault)
    if (at >= 0) this.waiting.splice(at, 1)
  }
}
