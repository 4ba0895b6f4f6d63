import { describe, expect, it } from "@effect/vitest"
import { LogTime } from "@rdl/core/log/LogTime"
import * as EngineTimes from "../../src/api/EngineTimes.ts"

const query = { since: LogTime.make("1795341075.500000000"), until: LogTime.make("1795341099.000000000") }
const minuteBefore = LogTime.make("1795341015.500000000")
const docker = { kind: "docker", apiVersion: "1.45" } as const
const anchor = { nanos: 1_795_341_075_500_000_000n, hash: 1 }

const of = (logDriver: string, logOptions: Readonly<Record<string, string>> = {}) => ({
  query,
  engine: docker,
  details: { logDriver, logOptions },
})

describe("the times that an engine is asked for", () => {
  it("are those that are wanted where no file is packed", () => {
    for (const compress of [{}, { compress: "false" }, { compress: "0" }]) {
      expect(EngineTimes.asked(of("json-file", compress))).toEqual(query)
      expect(EngineTimes.fromAnchor(anchor, of("json-file", compress))).toEqual({ since: query.since })
    }
  })

  it("begin a minute before where a packed file may be passed over for its last record's time", () => {
    const packed = [
      of("json-file", { compress: "true" }),
      of("json-file", { compress: "1" }),
      of("local"),
      of("syslog"),
    ]
    for (const about of packed) {
      expect(EngineTimes.asked(about)).toEqual({ ...query, since: minuteBefore })
      expect(EngineTimes.fromAnchor(anchor, about)).toEqual({ since: minuteBefore })
    }
  })

  it("are not bounded by the anchor where each record is asked for its time", () => {
    expect(EngineTimes.fromAnchor(anchor, { ...of("local"), engine: { kind: "docker", apiVersion: "1.41" } })).toEqual(
      {},
    )
  })
})
