/** A user who follows one log as NDJSON, and asks again from the last cursor whenever the answer breaks off. */
import { Either, Schema } from "effect"
import * as http from "node:http"
import { type Account, Entry } from "./Account.ts"

export interface Place {
  readonly port: number
  readonly token: string
  /** `source/name`. */
  readonly container: string
}

/** Before the proxy is asked again: at first, and at most, doubled each time that no log came. In milliseconds. */
const AGAIN_MS = { least: 250, most: 4_000 }
/** The longest line of an answer; the soak's own are a few hundred bytes. */
const MAX_LINE = 64 * 1024

const decode = Schema.decodeUnknownEither(Schema.parseJson(Entry))

export class Follow {
  readonly account: Account
  private readonly place: Place
  private response: http.IncomingMessage | undefined
  private isStopped = false
  private wait = AGAIN_MS.least

  constructor(account: Account, place: Place) {
    this.account = account
    this.place = place
  }

  /** Reads until the log has ended, or `stop`. Never rejects: what is wrong stands in the account. */
  async run(): Promise<void> {
    while (!this.isStopped && !this.account.isEnded) {
      await this.answer()
      const wait = this.wait
      this.wait = Math.min(2 * wait, AGAIN_MS.most)
      if (!this.isStopped && !this.account.isEnded) await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }

  /** Takes nothing for so long. */
  pause(milliseconds: number): void {
    const { response } = this
    response?.pause()
    setTimeout(() => response?.resume(), milliseconds)
  }

  /** Hangs up; then the log is asked for again. */
  leave(): void {
    this.response?.destroy()
  }

  stop(): void {
    this.isStopped = true
    this.leave()
  }

  private answer(): Promise<void> {
    const { container, port, token } = this.place
    const { cursor } = this.account
    const path = `/containers/${container}/logs?follow=1&format=ndjson&cursors=1${cursor === undefined ? "" : `&resume=${cursor}`}`
    return new Promise((resolve) => {
      const headers = { authorization: `Bearer ${token}` }
      const request = http.get({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
        response.on("error", () => undefined)
        response.once("close", resolve)
        if (response.statusCode === 200) this.read(response)
        else response.resume()
      })
      // A refused connection has no answer; where there was one, it closes too.
      request.on("error", () => resolve())
    })
  }

  private read(response: http.IncomingMessage): void {
    this.wait = AGAIN_MS.least
    this.response = response
    let held = ""
    response.setEncoding("utf8").on("data", (text: string) => {
      const lines = (held + text).split("\n")
      held = lines.pop() ?? ""
      for (const line of lines) if (line !== "") this.take(line)
      if (held.length > MAX_LINE) this.take(held)
    })
  }

  private take(line: string): void {
    Either.match(decode(line), {
      onRight: (entry) => this.account.take(entry),
      onLeft: () => this.account.blame(1, `no entry of a log: ${line.slice(0, 100)}`),
    })
  }
}
