/** The headers of the C side are read as their text. */

declare module "*.h" {
  const text: string;
  export default text;
}
