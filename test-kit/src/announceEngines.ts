/** Says once per run which real engines the tests use; in CI their absence is a failure. */
import { engineSockets } from "./RealEngine.ts"

export default (): void => {
  const sockets = engineSockets()
  if (sockets.length > 0) return console.log(`real engines: ${sockets.join(", ")}`)
  if (process.env["CI"] === "true") throw new Error("CI needs a real container engine: set RDL_TEST_ENGINES")
  console.log("no container engine found: tests that need a real one are skipped")
}
