/** A recording is bundled as its text. */

declare module "*.jsonl" {
  const text: string;
  export default text;
}
