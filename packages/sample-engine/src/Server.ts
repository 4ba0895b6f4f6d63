/** The HTTP server of an engine: one answer a request, every open answer known, so that it can be cut. */
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http"
import { once } from "node:events"
import { type Answer, wholeAnswer } from "./Answer.ts"
import type { EngineState } from "./EngineState.ts"
import type { CutHow, Fault, Faults } from "./Fault.ts"
import { PodmanPanic } from "./LogQuery.ts"
import { Outlet } from "./Outlet.ts"
import type { EngineRequest, RequestLog } from "./RequestLog.ts"
import { answer, parseRequest } from "./Routes.ts"

/** Connections beyond this are closed at once. */
const MAX_CONNECTIONS = 4096

export class Server {
  readonly http: HttpServer
  private readonly state: EngineState
  private readonly log: RequestLog
  private readonly faults: Faults
  private readonly open = new Map<Outlet, EngineRequest>()

  constructor(state: EngineState, log: RequestLog, faults: Faults) {
    this.state = state
    this.log = log
    this.faults = faults
    this.http = createServer({ keepAliveTimeout: 0 }, (incoming, response) => {
      // A connection that breaks in the middle is the reader's loss alone.
      this.handle(incoming, response).catch(() => incoming.socket.destroy())
    })
    this.http.maxConnections = MAX_CONNECTIONS
  }

  /** Ends open streams: cleanly, or by breaking their connections. */
  cut(how: CutHow | "end", when: (request: EngineRequest) => boolean): void {
    for (const [outlet, request] of this.open) {
      if (!when(request)) continue
      if (how === "end") outlet.end()
      else outlet.break(how)
    }
  }

  private async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    // Pipelined requests wait for their turn, as with any Go server.
    if (response.socket === null) await once(response, "socket")
    const request = parseRequest(incoming.method ?? "GET", incoming.url ?? "/")
    if (request === undefined) {
      const refused = wholeAnswer(400, { "Content-Type": "text/plain; charset=utf-8" }, "400 Bad Request")
      return this.send(refused, new Outlet(response, undefined))
    }
    const fault = this.faults.strike(request)
    const outlet = new Outlet(response, fault)
    this.log.add(request)
    if (fault?.delay !== undefined) await outlet.pause(fault.delay)
    if (outlet.closed) return
    const made = fault?.answer === undefined ? this.answer(request, fault) : faultAnswer(fault.answer)
    if (made === undefined) {
      outlet.break("fin")
      return
    }
    if (made.stream) this.track(request, outlet)
    await this.send(made, outlet)
  }

  private answer(request: EngineRequest, fault: Fault | undefined): Answer | undefined {
    try {
      return answer(this.state, request, fault)
    } catch (error) {
      if (error instanceof PodmanPanic) return undefined
      throw error
    }
  }

  private async send(made: Answer, outlet: Outlet): Promise<void> {
    outlet.begin(made.status, made.headers)
    const done = made.body(outlet)
    const request = this.open.get(outlet)
    if (request !== undefined && !outlet.closed) this.log.opened(request)
    await done
  }

  private track(request: EngineRequest, outlet: Outlet): void {
    this.open.set(outlet, request)
    outlet.onClose(() => {
      this.open.delete(outlet)
      this.log.closed(request)
    })
  }
}

const faultAnswer = ({ status, contentType, body }: NonNullable<Fault["answer"]>): Answer =>
  wholeAnswer(status, { "Content-Type": contentType }, body)
