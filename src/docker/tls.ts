/** TLS to an engine, as the Docker CLI speaks it: always verified, and refused in words. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { getCACertificates } from "node:tls";
import { errorMessage } from "../base/errors.ts";
import { Trouble } from "./trouble.ts";
import { buildConnector } from "./undici.ts";

/** Paths of PEM files, and the name that the engine's certificate is for. */
export interface TlsFiles {
  /** Who signs engines; absent: those that this machine trusts. */
  readonly ca?: string | undefined;
  /** Our own certificate, and its key: both or none. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Absent: the host of the address. */
  readonly servername?: string | undefined;
}

/** How long a connection may take, TLS included, ms. */
const CONNECT_TIMEOUT_MS = 4_000;

/** Whom this machine trusts: its own list, and that of the runtime, as a slim image may have none. */
const trusted = (): string[] => [...getCACertificates("default"), ...getCACertificates("system")];

/** Read by all: who may read a file of that mode. */
const OTHERS_READ = 0o004;

/** What a person should know of the key; undefined where all is well, or it is not there yet. */
export function keyWarning({ key }: TlsFiles): string | undefined {
  const mode = key === undefined ? undefined : statSync(key, { throwIfNoEntry: false })?.mode;
  if (mode === undefined || (mode & OTHERS_READ) === 0) return undefined;
  return `${key}: everybody on this machine can read this key, and with it speak to the engine: chmod 600 it`;
}

/** Certificates in a PEM file. */
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** What the files hold. */
interface Material {
  /** Undefined: those that this machine trusts. */
  readonly ca: readonly string[] | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/**
 * The files as they are now.
 * @throws Trouble that names the file and what is wrong with it
 */
function readMaterial({ ca, cert, key }: TlsFiles): Material {
  const material = {
    ca: ca === undefined ? undefined : certificates(ca).pems,
    cert: cert === undefined ? undefined : read(cert),
    key: key === undefined ? undefined : read(key),
  };
  if (cert === undefined && key === undefined) return material;
  if (cert === undefined) throw new Trouble(`${key}: a key needs its certificate: set cert, too`, true);
  if (key === undefined) throw new Trouble(`${cert}: a certificate needs its key: set key, too`, true);
  const { leaf } = certificates(cert);
  if (!leaf.checkPrivateKey(privateKey(key, material.key ?? "")))
    throw new Trouble(`${key}: this key does not fit the certificate ${cert}`, true);
  const now = new Date();
  if (leaf.validToDate < now) throw new Trouble(`${cert}: this certificate has expired: ${leaf.validTo}`, false);
  if (leaf.validFromDate > now)
    throw new Trouble(`${cert}: this certificate is not valid before ${leaf.validFrom}; is the clock right?`, false);
  return material;
}

/** Why a file cannot be read, by the system's code. */
const UNREAD: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "no permission to read it",
  EISDIR: "a folder, and no file",
};

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    const why = UNREAD[code] ?? errorMessage(error);
    throw new Trouble(`${path}: ${why}; it is needed for TLS`, true);
  }
}

function certificates(path: string): { readonly pems: readonly string[]; readonly leaf: X509Certificate } {
  const pems = read(path).match(CERTIFICATE) ?? [];
  const [first] = pems;
  if (first === undefined) throw new Trouble(`${path}: no certificate is in this file; expected PEM`, true);
  try {
    const [leaf] = pems.map((pem) => new X509Certificate(pem));
    return { pems, leaf: leaf ?? new X509Certificate(first) };
  } catch {
    throw new Trouble(`${path}: a certificate in this file is broken`, true);
  }
}

function privateKey(path: string, pem: string): KeyObject {
  if (/ENCRYPTED/.test(pem))
    throw new Trouble(`${path}: this key has a passphrase, which nobody could type here`, true);
  try {
    return createPrivateKey(pem);
  } catch {
    throw new Trouble(`${path}: no private key is in this file; expected PEM`, true);
  }
}

/** Who signed it is unknown (OpenSSL: X509_V_ERR_…, as Node names them). */
const UNSIGNED: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_SIGNATURE_FAILURE",
  "INVALID_CA",
]);
/** Alerts about our certificate (RFC 8446, 6.2), as BoringSSL names them; Go says BAD_CERTIFICATE where there is none. */
const REFUSES_US =
  /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN|CERTIFICATE_REQUIRED|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR|HANDSHAKE_FAILURE)/;
const NO_COMMON = /ALERT_(PROTOCOL_VERSION|INSUFFICIENT_SECURITY)|UNSUPPORTED_PROTOCOL|NO_CIPHERS_AVAILABLE/;
/** What came is no TLS. */
const CLEAR = /WRONG_VERSION_NUMBER|HTTP_REQUEST|UNKNOWN_PROTOCOL|INVALID_RECORD|PACKET_LENGTH|UNEXPECTED_RECORD/;

/** Connects to one engine; keeps a session, so that the next connection costs little. */
export class TlsConnector {
  #files: string | undefined;
  #session: Buffer | undefined;

  /**
   * @param address as it is shown
   * @param host without brackets
   */
  constructor(
    readonly address: string,
    readonly host: string,
    readonly files: TlsFiles,
  ) {}

  /** How undici connects: with the files as they are now. */
  readonly connect: buildConnector.connector = (options, callback) => {
    let material: Material;
    try {
      material = readMaterial(this.files);
    } catch (error) {
      callback(error as Error, null);
      return;
    }
    const files = JSON.stringify(material);
    // What was agreed on with other files says nothing of these.
    if (files !== this.#files) this.#session = undefined;
    this.#files = files;
    const { ca, cert, key } = material;
    const servername = this.files.servername ?? (isIP(this.host) === 0 ? this.host : undefined);
    const connect = buildConnector({
      ca: [...(ca ?? trusted())],
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
      ...(this.#session === undefined ? {} : { session: this.#session }),
      maxCachedSessions: 0,
      timeout: CONNECT_TIMEOUT_MS,
    });
    // undici names the host of the address, before what is named here.
    connect({ ...options, servername: servername ?? "" }, (...came) => {
      const [, socket] = came;
      // Behind an alert comes the end of the connection: that would be told in its place.
      socket?.on("error", () => socket.destroy());
      // One is handed out after each handshake, and some engines take none twice.
      socket?.on("session", (session: Buffer) => {
        if (this.#files === files) this.#session = session;
      });
      callback(...came);
    });
  };

  /** What TLS says of a connection that failed; undefined where the failure is none of its. */
  explain(error: unknown): Trouble | undefined {
    const { code = "", message = "" } = error as { code?: string; message?: string };
    const { address, host, files } = this;
    const its = `the certificate of the engine at ${address}`;
    if (code === "CERT_HAS_EXPIRED")
      return new Trouble(`${its} has expired: renew it there, or set the clock here`, false);
    if (code === "CERT_NOT_YET_VALID") return new Trouble(`${its} is not valid yet: is the clock right?`, false);
    if (code === "CERT_REVOKED") return new Trouble(`${its} was revoked`, true);
    if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
      const { cert } = error as { cert?: { subjectaltname?: string } };
      const names = cert?.subjectaltname ?? "no name at all";
      const asked = files.servername ?? host;
      return new Trouble(`${its} is for ${names}, and not for ${asked}: correct the address, or set servername`, true);
    }
    if (UNSIGNED.has(code)) {
      const by = files.ca === undefined ? "nobody whom this machine trusts" : `none of those in ${files.ca}`;
      return new Trouble(`${its} is signed by ${by}: set ca to the file of who signs engines there`, true);
    }
    const alert = REFUSES_US.exec(code)?.[1];
    if (alert !== undefined && files.cert === undefined)
      return new Trouble(`the engine at ${address} asks for a certificate of ours: set cert and key`, true);
    if (alert !== undefined) {
      const why = alert.toLowerCase().replaceAll("_", " ");
      return new Trouble(`the engine at ${address} refuses our certificate ${files.cert}: ${why}`, true);
    }
    if (NO_COMMON.test(code))
      return new Trouble(`the engine at ${address} has no version and cipher of TLS in common with us (${code})`, true);
    if (CLEAR.test(code))
      return new Trouble(`what answers at ${address} does not speak TLS: take its TLS port, or no TLS`, true);
    if (code.startsWith("ERR_SSL_")) return new Trouble(`TLS with the engine at ${address} failed: ${code}`, false);
    if (code === "ECONNRESET" && message.includes("before secure TLS connection"))
      return new Trouble(`what answers at ${address} ends each connection before TLS stands`, false);
    return undefined;
  }
}
