import QRCode from "qrcode";

/** Quiet zone in modules; readers want four (ISO/IEC 18004). */
const MARGIN_MODULES = 4;
/** Reads well from a screen at arm's length; about 3.6 KB as PNG. */
const PNG_WIDTH_PX = 512;
const LOOK = { errorCorrectionLevel: "M", margin: MARGIN_MODULES } as const;

/** A QR code of the text as an SVG document, about 2 KB. */
export function qrSvg(text: string): Promise<string> {
  return QRCode.toString(text, { ...LOOK, type: "svg" });
}

/** A QR code of the text as a PNG in a data URL: the text is a secret, so no address of ours may name it. */
export async function qrPngDataUrl(text: string): Promise<string> {
  const png = await QRCode.toBuffer(text, { ...LOOK, type: "png", width: PNG_WIDTH_PX });
  return `data:image/png;base64,${png.toString("base64")}`;
}
