/** An HTTP relay that breaks on command: it sees whole requests, so its faults can hit exactly one of them at exactly one moment. */
import { once } from "node:events"
import { Agent, createServer, request as ask } from "node:http"
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"

/** What is known of a request when it is decided what shall happen to it. */
export interface Seen {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** 0, 1, 2 … on its own socket: from 1 on a kept-alive socket was used again. */
  readonly onSocket: number
}

export interface Answer {
  readonly status: number
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Uint8Array
}

export type HttpFault =
  /** The target gets the request and answers; the answer is lost and the connection reset. */
  | { readonly fault: "swallow" }
  /** The target gets the request; its answer is held back. */
  | { readonly fault: "delay"; readonly ms: number }
  /** The target never sees the request; the relay answers itself. */
  | { readonly fault: "answer"; readonly answer: Answer }
  /** The target gets the request; the relay's answer replaces the real one. */
  | { readonly fault: "replace"; readonly answer: Answer }
  /** The target never sees the request; the connection is reset. */
  | { readonly fault: "reset" }
  /** Held until the next request that matches has been answered: the two arrive reversed. Goes on by itself after `ms`. */
  | { readonly fault: "reorder"; readonly ms: number }

interface Rule {
  readonly match: (seen: Seen) => boolean
  readonly fault: HttpFault
  left: number
  hits: number
}

/** A rule in force. */
export interface Injected {
  /** Requests it has hit. */
  readonly hits: () => number
  readonly remove: () => void
}

export interface FaultHttpOptions {
  readonly target: { readonly port: number }
  /** Passes an answer on only when all of it is there, as nginx does for bodies that fit its buffers. Default false. */
  readonly buffering?: boolean
}

/** A relay on a free port of 127.0.0.1; request bodies are always read whole before they go on, as nginx does. */
export class FaultHttp {
  /** Requests seen since the start. */
  requests = 0
  private readonly rules: Array<Rule> = []
  private readonly server: Server
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 64 })
  private readonly targetPort: number
  private readonly buffering: boolean
  private readonly used = new WeakMap<Socket, number>()
  private readonly waiters = new Set<(seen: Seen) => void>()

  private constructor(options: FaultHttpOptions) {
    this.targetPort = options.target.port
    this.buffering = options.buffering ?? false
    this.server = createServer((req, res) => {
      this.serve(req, res).catch(() => res.destroy())
    })
  }

  static async listen(options: FaultHttpOptions): Promise<FaultHttp> {
    const relay = new FaultHttp(options)
    relay.server.listen(0, "127.0.0.1")
    await once(relay.server, "listening")
    return relay
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** `http://127.0.0.1:port`. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Does this to the next `times` requests that match (default 1). The oldest rule that matches wins. */
  inject(match: (seen: Seen) => boolean, fault: HttpFault, times = 1): Injected {
    const rule: Rule = { match, fault, left: times, hits: 0 }
    this.rules.push(rule)
    return {
      hits: () => rule.hits,
      remove: () => {
        rule.left = 0
      },
    }
  }

  /** No rules from now on. */
  heal(): void {
    for (const rule of this.rules) rule.left = 0
  }

  /** Stops listening and drops what is open. */
  async close(): Promise<void> {
    this.server.close()
    this.server.closeAllConnections()
    this.agent.destroy()
    if (this.server.listening) await once(this.server, "close")
  }

  private async serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    this.requests += 1
    const onSocket = this.used.get(req.socket) ?? 0
    this.used.set(req.socket, onSocket + 1)
    const body = await whole(req)
    const { method = "GET", url = "/", headers } = req
    const seen = { method, url, headers, body, onSocket }
    const rule = this.rules.find((rule) => rule.left > 0 && rule.match(seen))
    if (rule === undefined) return this.relay(seen, res)
    rule.left -= 1
    rule.hits += 1
    return this.break(rule, seen, res)
  }

  private async break(rule: Rule, seen: Seen, res: ServerResponse): Promise<void> {
    const { fault } = rule
    switch (fault.fault) {
      case "reset":
        return void res.socket?.resetAndDestroy()
      case "answer":
        return reply(res, fault.answer)
      case "swallow":
        await whole(await this.forward(seen))
        return void res.socket?.resetAndDestroy()
      case "replace":
        await whole(await this.forward(seen))
        return reply(res, fault.answer)
      case "delay": {
        const answer = await this.forward(seen)
        const bytes = await whole(answer)
        await delay(fault.ms)
        return reply(res, { status: answer.statusCode ?? 502, headers: answer.headers, body: bytes })
      }
      case "reorder":
        await this.nextAnswered(rule.match, fault.ms)
        return this.relay(seen, res)
    }
  }

  private async relay(seen: Seen, res: ServerResponse): Promise<void> {
    const answer = await this.forward(seen, res)
    if (this.buffering) {
      reply(res, { status: answer.statusCode ?? 502, headers: answer.headers, body: await whole(answer) })
    } else {
      res.writeHead(answer.statusCode ?? 502, hopless(answer.headers))
      answer.pipe(res)
      await once(answer, "end")
    }
    for (const waiter of this.waiters) waiter(seen)
  }

  private nextAnswered(match: (seen: Seen) => boolean, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.waiters.delete(waiter)
        resolve()
      }
      const waiter = (seen: Seen) => match(seen) && done()
      const timer = setTimeout(done, ms)
      this.waiters.add(waiter)
    })
  }

  /** Asks the target; the answer's head is there, its body is not yet. Gives up when the asking side has gone. */
  private forward(seen: Seen, res?: ServerResponse): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { method, url, headers, body } = seen
      const outgoing = ask(
        { host: "127.0.0.1", port: this.targetPort, agent: this.agent, method, path: url, headers: hopless(headers) },
        resolve,
      )
      outgoing.on("error", reject)
      res?.on("close", () => outgoing.destroy())
      outgoing.end(body)
    })
  }
}

const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"])

const hopless = (headers: OutgoingHttpHeaders): OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase())))

const reply = (res: ServerResponse, answer: Answer): void => {
  res.writeHead(answer.status, hopless(answer.headers ?? {})).end(answer.body)
}

const whole = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
