import * as Process from "./Process.ts"
import * as Program from "./Program.ts"
import * as Rdl from "./Rdl.ts"

Process.run("rdl", Program.main(Rdl.program, process.argv.slice(2)))
