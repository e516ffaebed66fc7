-- What a new place may cost beside room in the line: joins by address and network, and a
-- proof of work. lua/join.lua goes on from here; without such a rule it asks for none of it.

local limits = {}

-- until_when is up to when (us) a member of `limits` stands; 0 for nothing.
local function until_when(member)
  return limits[member] or tonumber(redis.call('ZSCORE', LIMITS, member) or 0)
end

-- draws says how long a join must wait (us), 0 for not at all, and when the member's
-- joins would be used up with it (GCRA). A tenth of a minute's worth may come at once, or
-- five where that is less, but never more than the minute's.
local function draws(member, limit)
  local each = math.floor(60000000 / limit) -- whole: a sum of fractions would miss the burst
  local burst = math.min(limit, math.max(5, math.floor(limit / 10)))
  local at = math.max(now, until_when(member))
  return math.max(0, at - now - (burst - 1) * each), at + each
end

-- refused says why a visitor may not have a new place, and how long to wait, if that
-- helps; else it draws upon the limits and spends the proof.
local function refused(asked)
  if r.guarded ~= 1 then
    return nil
  end
  local address, network, proof, good = string.match(asked, '^. (%S+) (%S+) (%S+) (%S+)$')
  local found = {}
  if r.proof_of_work == 1 then
    if not proof or proof == '-' then
      return 'unproved', 0
    elseif tonumber(good) <= now then
      return 'stale', 0
    elseif until_when('p:' .. proof) > now then
      return 'spent', 0
    end
    found['p:' .. proof] = tonumber(good)
  end
  local wait = 0
  for member, limit in pairs({['a:' .. (address or '-')] = r.joins_per_address, ['n:' .. (network or '-')] = r.joins_per_network}) do
    if limit > 0 and member ~= 'a:-' and member ~= 'n:-' then
      local longer
      longer, found[member] = draws(member, limit)
      wait = math.max(wait, longer)
    end
  end
  if wait > 0 then
    return 'limited', wait
  end
  for member, till in pairs(found) do
    limits[member] = till
  end
end

-- keep_limits writes what was drawn upon and spent, and drops what is past: never less
-- than one call adds, and never so much that it holds Redis.
local function keep_limits()
  local rows = {}
  for member, till in pairs(limits) do
    rows[#rows + 1] = text(till)
    rows[#rows + 1] = member
  end
  if #rows == 0 then
    return
  end
  local past = redis.call('ZCOUNT', LIMITS, '-inf', text(now))
  if past > 0 then
    redis.call('ZREMRANGEBYRANK', LIMITS, 0, math.min(past, 1000) - 1)
  end
  each_batch('ZADD', LIMITS, rows)
  -- Nothing in it lasts as long: this tidies up behind a limit that was lifted.
  redis.call('PEXPIRE', LIMITS, 600000)
end

