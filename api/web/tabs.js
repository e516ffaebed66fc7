// Several tabs of one browser are one visitor: one of them, the leader, asks the gateway, and
// tells the others, which show the same. A browser that lacks what this takes has a leader in
// each tab.

// share joins the tabs of `name`. `lead` is called when this tab becomes the leader, `heard`
// with what another tab tells.
export function share(name, { lead, heard }) {
  const locks = globalThis.BroadcastChannel && navigator.locks;
  let leader = !locks, channel, release, requests = 0;

  function listen() {
    channel = new BroadcastChannel(name);
    channel.onmessage = ({ data }) => heard(data);
  }

  // wait is in line for leading; with steal it takes it over from a tab that may sleep. Only
  // the last request counts.
  function wait(steal) {
    const mine = ++requests;
    locks.request(name, steal ? { steal } : {}, () => {
      if (mine !== requests) return undefined;
      leader = true;
      lead();
      return new Promise((done) => { release = done; });
    }).catch(() => { // it was taken over: stand in line again
      if (mine !== requests) return;
      leader = false;
      wait(false);
    });
  }

  const shared = {
    leads: () => leader,
    lead: () => { if (!leader) wait(true); },
    tell: (what) => { if (locks) channel.postMessage(what); },
  };
  if (leader) {
    queueMicrotask(lead);
    return shared;
  }
  listen();
  wait(document.visibilityState === "visible");
  // A page that is kept for the back button holds on to nothing.
  addEventListener("pagehide", () => {
    channel.close();
    requests++;
    leader = false;
    release?.();
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    listen();
    wait(true);
  });
  return shared;
}
