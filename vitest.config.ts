import { defineConfig } from "vitest/config"

const conditions = ["@rdl/source-code", "node", "import", "module", "default"]

/** One project a package; all run from the root in one go, from source. */
const project = (root: string) => ({
  root,
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    name: root.replace("packages/", ""),
    include: ["test/**/*.test.ts"],
    // Reached only where something hangs: a busy machine may take long for what takes no time.
    testTimeout: 120_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 30_000 } },
  },
})

export default defineConfig({
  test: {
    projects: [
      "packages/core",
      "packages/transport-ws",
      "packages/transport-http",
      "packages/link-compliance",
      "packages/source",
      "packages/sample-engine",
      "packages/proxy",
      "packages/cli",
      "examples",
      "test-kit",
      "soak",
    ].map(project),
    // What a passing test logs is of no interest.
    silent: "passed-only",
    globalSetup: ["test-kit/src/announceEngines.ts"],
  },
})
