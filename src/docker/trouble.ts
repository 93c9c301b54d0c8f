/** Why there is no connection, where only the kind of connection can tell. */

export class Trouble extends Error {
  /**
   * @param message for the person who runs Falco, with the address
   * @param permanent trying again does not help: a person has to change something
   */
  constructor(
    message: string,
    readonly permanent: boolean,
  ) {
    super(message);
  }
}
