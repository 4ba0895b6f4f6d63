/** The image that test containers run: one static program, made on the spot, since nothing can be pulled. */
import { existsSync, readFileSync } from "node:fs"
import type { RealEngine } from "./RealEngine.ts"

export const IMAGE = "rdl-test:1"

const PROGRAM = "/bin/busybox"
const NAMES = "sh cat date dd echo head od printf seq sleep tr usleep yes awk true stty".split(" ")

/** Imports the image unless the engine has it; without a static busybox here, the engine pulls one. */
export const ensureBusyboxImage = async (engine: RealEngine): Promise<void> => {
  const filters = encodeURIComponent(JSON.stringify({ reference: [IMAGE] }))
  const images = await engine.json<ReadonlyArray<unknown>>(`/images/json?filters=${filters}`)
  if (images.length > 0) return
  if (existsSync(PROGRAM)) {
    // The tag within `repo`: Podman 4.3 has no `tag` for an import.
    await engine.request("POST", `/images/create?fromSrc=-&repo=${IMAGE}`, busyboxTar())
    return
  }
  await engine.request("POST", "/images/create?fromImage=busybox&tag=1.37")
  await engine.request("POST", "/images/busybox:1.37/tag?repo=rdl-test&tag=1")
}

/** A root file system of the program and the names it answers to. */
const busyboxTar = (): Buffer =>
  Buffer.concat([
    tarEntry("bin/", "5", 0o755, Buffer.alloc(0)),
    tarEntry("tmp/", "5", 0o777, Buffer.alloc(0)),
    tarEntry("bin/busybox", "0", 0o755, readFileSync(PROGRAM)),
    ...NAMES.map((name) => tarEntry(`bin/${name}`, "2", 0o777, Buffer.alloc(0), "busybox")),
    Buffer.alloc(1024),
  ])

const tarEntry = (name: string, type: string, mode: number, content: Buffer, target = ""): Buffer => {
  const header = Buffer.alloc(512)
  const octal = (value: number, width: number) => value.toString(8).padStart(width - 1, "0") + "\0"
  header.write(name, 0)
  header.write(octal(mode, 8), 100)
  header.write(octal(0, 8), 108)
  header.write(octal(0, 8), 116)
  header.write(octal(content.length, 12), 124)
  header.write(octal(0, 12), 136)
  header.write("        ", 148)
  header.write(type, 156)
  header.write(target, 157)
  header.write("ustar\u000000", 257)
  header.write(
    header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0") + "\0 ",
    148,
  )
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)])
}
