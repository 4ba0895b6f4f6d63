/**
 * Lays out the root of an image: this Node, the libraries it is linked with, one program, and the few files that they
 * look for. `node collect.mjs PROGRAM ROOT`; runs in any image that has Node, of glibc or musl, and needs no shell.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"

const [program, root] = process.argv.slice(2)

const put = (from, to) => {
  mkdirSync(dirname(join(root, to)), { recursive: true })
  copyFileSync(from, join(root, to))
}

const write = (path, text) => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

put(process.execPath, "usr/local/bin/node")
chmodSync(join(root, "usr/local/bin/node"), 0o755)
// The one without a path is the kernel's own.
for (const library of process.report.getReport().sharedObjects) if (existsSync(library)) put(library, library)
put(program, join("usr/local/lib/rdl", basename(program)))

write("usr/local/lib/rdl/package.json", '{"type":"module"}\n')
write("etc/passwd", "root:x:0:0:root:/:/sbin/nologin\nrdl:x:65532:65532:rdl:/:/sbin/nologin\n")
write("etc/group", "root:x:0:\nrdl:x:65532:\n")
write("etc/nsswitch.conf", "hosts: files dns\n")

// Where a source keeps its health file; a tmpfs on top of it lets the rest be read-only.
mkdirSync(join(root, "run/rdl"), { recursive: true })
chmodSync(join(root, "run/rdl"), 0o1777)
