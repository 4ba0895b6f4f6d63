/** A loopback address for ports that are let go and wanted again: other tests, and whatever else asks for any free port, take theirs elsewhere. */

const octets = [64 + ((process.pid >> 16) & 0x3f), (process.pid >> 8) & 0xff, process.pid & 0xff]

/** Of this process alone; 127.0.0.1 where a system does not have the whole of 127.0.0.0/8. */
export const ownAddress: string = process.platform === "linux" ? `127.${octets.join(".")}` : "127.0.0.1"
