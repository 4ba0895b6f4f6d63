/** What was asked of the engine, and which streams are open: what a test looks at, and waits for. */

export interface EngineRequest {
  readonly method: string
  /** Without version prefix and query, decoded: `/containers/web/logs`. */
  readonly path: string
  /** The API version of the prefix, such as `1.41`; undefined without one. */
  readonly version: string | undefined
  /** As sent, without `?`. */
  readonly query: string
  readonly params: URLSearchParams
}

/** Requests beyond this push out the oldest. */
const MAX_REQUESTS = 1_000

export class RequestLog {
  readonly requests: Array<EngineRequest> = []
  readonly streams = new Set<EngineRequest>()
  private readonly watchers = new Set<() => void>()

  add(request: EngineRequest): void {
    this.requests.push(request)
    if (this.requests.length > MAX_REQUESTS) this.requests.shift()
    this.changed()
  }

  /** A stream is open from the moment its headers have left and it will miss nothing. */
  opened(request: EngineRequest): void {
    this.streams.add(request)
    this.changed()
  }

  closed(request: EngineRequest): void {
    if (this.streams.delete(request)) this.changed()
  }

  /** Calls back after each change, until the returned function is called. */
  watch(callback: () => void): () => void {
    this.watchers.add(callback)
    return () => this.watchers.delete(callback)
  }

  private changed(): void {
    for (const callback of this.watchers) callback()
  }
}
