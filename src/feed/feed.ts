/** Wake-ups between the parts of the shop. A wake-up may be lost or repeated; the truth is the event rows. */
export interface Feed {
  /** Wakes the listeners of these orders: there may be events after those they have read. */
  publish(orderIds: readonly string[]): void;
  /** Returns the unsubscriber; calling it twice does nothing. */
  subscribe(orderId: string, listener: () => void): () => void;
}
