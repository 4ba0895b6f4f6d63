/** Says once per run which real engines the tests use; in CI the absence of one is a failure. */
import { engineSockets, podmanSocket } from "./RealEngine.ts"

export default (): void => {
  const sockets = engineSockets()
  const podman = podmanSocket()
  if (process.env["CI"] === "true" && (sockets.length < 2 || podman === undefined))
    throw new Error("CI needs real engines: two of Docker in RDL_TEST_ENGINES, and RDL_TEST_PODMAN; see .ci/run")
  console.log(
    sockets.length === 0
      ? "no container engine found: tests that need a real one are skipped"
      : `real engines: ${[...sockets, ...(podman === undefined ? [] : [podman])].join(", ")}`,
  )
}
