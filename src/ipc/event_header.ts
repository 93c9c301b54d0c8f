/** The header of a Falco event of our plugin's, in front of its payload. */
import { info } from "../plugin/info.ts";
import { layout } from "./layout.ts";

const NO_THREAD = 0xffff_ffff;

/**
 * Writes `layout.EVENT_PAYLOAD` bytes, as falcosecurity/libs 0.23.2 packs them (driver/ppm_events_public.h, ppm_evt_hdr;
 * then the lengths of the parameters and the plugin's id).
 * @param timeNano ns since 1970, 0 to 2^64-1
 */
export function writeEventHeader(view: DataView, at: number, timeNano: bigint, payloadBytes: number): void {
  view.setBigUint64(at, timeNano, true);
  view.setUint32(at + 8, NO_THREAD, true);
  view.setUint32(at + 12, NO_THREAD, true);
  view.setUint32(at + layout.EVENT_LENGTH, layout.EVENT_PAYLOAD + payloadBytes, true);
  view.setUint16(at + 20, layout.EVENT_TYPE, true);
  view.setUint32(at + 22, layout.EVENT_PARAMS, true);
  view.setUint32(at + 26, layout.PLUGIN_ID_BYTES, true);
  view.setUint32(at + 30, payloadBytes, true);
  view.setUint32(at + 34, info.id, true);
}

/** Writes an event, header and payload, into memory that has room for it. */
export function writeEventTo(to: Buffer, at: number, timeNano: bigint, payload: Buffer): void {
  writeEventHeader(new DataView(to.buffer, to.byteOffset, to.length), at, timeNano, payload.length);
  payload.copy(to, at + layout.EVENT_PAYLOAD);
}
