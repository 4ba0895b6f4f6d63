import { describe, expect, it } from "vitest"
import { RequestLog } from "@rdl/sample-engine/RequestLog"

const request = (path: string) => ({
  method: "GET",
  path,
  version: undefined,
  query: "",
  params: new URLSearchParams(),
})

describe("RequestLog", () => {
  it("keeps the last 1,000 requests", () => {
    const log = new RequestLog()
    for (let i = 0; i < 1_003; i++) log.add(request(`/${i}`))
    expect(log.requests).toHaveLength(1_000)
    expect([log.requests[0]?.path, log.requests.at(-1)?.path]).toEqual(["/3", "/1002"])
  })

  it("calls watchers on every change until they stop", () => {
    const log = new RequestLog()
    let calls = 0
    const stop = log.watch(() => (calls += 1))
    const stream = request("/events")
    log.add(stream)
    log.opened(stream)
    log.closed(stream)
    log.closed(stream)
    expect([calls, log.streams.size]).toEqual([3, 0])
    stop()
    log.add(stream)
    expect(calls).toBe(3)
  })
})
