import * as Process from "./Process.ts"
import * as Rdl from "./Rdl.ts"

Process.run(Rdl.main(process.argv.slice(2)))
