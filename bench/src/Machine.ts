/** What kind of machine a run was made on; nothing that names it. */
import { availableParallelism, cpus, release, totalmem } from "node:os"

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly system: string
  readonly node: string
}

export const here = (): Machine => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: availableParallelism(),
  memoryGb: Math.round(totalmem() / 2 ** 30),
  system: `${process.platform} ${release().split(".").slice(0, 2).join(".")}`,
  node: process.versions.node,
})
