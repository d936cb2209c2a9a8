import type { JobKind } from "./rows.ts";
import type { CommitNotice } from "./tx.ts";

/** What one action will announce if its writes commit. */
export interface Announcement {
  readonly orderIds: Set<string>;
  readonly jobKinds: Set<JobKind>;
}

export function newAnnouncement(): Announcement {
  return { orderIds: new Set(), jobKinds: new Set() };
}

/** One notice for all the actions of a commit, without repetitions. */
export function mergeAnnouncements(announcements: Iterable<Announcement>): CommitNotice {
  const merged = newAnnouncement();
  for (const { orderIds, jobKinds } of announcements) {
    for (const orderId of orderIds) merged.orderIds.add(orderId);
    for (const kind of jobKinds) merged.jobKinds.add(kind);
  }
  return { orderIds: [...merged.orderIds], jobKinds: [...merged.jobKinds] };
}
