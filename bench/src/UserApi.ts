/** Asks a proxy as a user does, for what the benchmark itself wants to know. */
import { Effect } from "effect"
import { get as getPlain } from "node:http"
import { get as getTls } from "node:https"
import { BenchError } from "./BenchError.ts"

/** An answer in JSON; fails where it is not 200. */
export const getJson = <A>(url: URL, token: string, ca?: string): Effect.Effect<A, BenchError> =>
  Effect.async<string, BenchError>((resume) => {
    const get = url.protocol === "https:" ? getTls : getPlain
    const fail = (detail: string) => resume(new BenchError({ detail: `${url.pathname}: ${detail}` }))
    const headers = { authorization: `Bearer ${token}`, connection: "close" }
    const request = get(url, { headers, timeout: 10_000, ...(ca === undefined ? {} : { ca }) }, (answer) => {
      const chunks: Array<Buffer> = []
      answer.on("data", (chunk: Buffer) => chunks.push(chunk))
      answer.once("error", (error) => fail(error.message))
      answer.once("end", () =>
        answer.statusCode === 200
          ? resume(Effect.succeed(Buffer.concat(chunks).toString()))
          : fail(`the answer was ${answer.statusCode}`),
      )
    })
    request.once("timeout", () => request.destroy(new Error("no answer within 10 s")))
    request.once("error", (error) => fail(error.message))
    return Effect.sync(() => request.destroy())
  }).pipe(Effect.map((text) => JSON.parse(text) as A))
