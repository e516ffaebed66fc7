-- Writes at the door what the database says of seats: sold after a payment, not for
-- sale, or whatever it is when the two were found to differ. A record with a higher
-- fence is newer than what the database said, and stays, unless it is a lease
-- of the hold that found the difference and is now giving up.
--
-- KEYS[1] -> fr:{show}:door            hash: loaded, plan, version, fence
-- KEYS[2] -> fr:{show}:door:states     string: a letter a seat, f h s b
-- KEYS[3] -> fr:{show}:door:leases     hash: ordinal -> "fence:deadline:hold" | "fence:sold" | "fence:free" | "fence:blocked"
-- KEYS[4] -> fr:{show}:door:deadlines  sorted set: ordinal -> deadline (µs)
-- ARGV[1] -> plan of the layout that the ordinals belong to
-- ARGV[2] -> id of the hold that gives up, or empty
-- ARGV[3..] -> triples: ordinal, fence, "sold" | "free" | "blocked" | "deadline:hold"
--
-- Returns {"ok", now, incarnation, version}
--         {"unloaded", now}                  the door is not loaded with this plan
local door, states, leases, deadlines = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local plan, loser = ARGV[1], ARGV[2]

local time = redis.call('TIME')
local now_text = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))

local known = redis.call('HMGET', door, 'loaded', 'plan', 'version', 'fence')
if not known[1] or known[2] ~= plan then
  return {'unloaded', now_text}
end

local version, highest, changed = known[3], tonumber(known[4]), false
for i = 3, #ARGV, 3 do
  local ordinal, fence, state = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local record = redis.call('HGET', leases, ordinal) or '0:free'
  local old_fence, old_state = string.match(record, '^(%d+):(.*)$')
  local holder = string.match(old_state, '^%d+:(.*)$')
  local gives_up = loser ~= '' and holder == loser
  if record ~= fence .. ':' .. state and (gives_up or tonumber(old_fence) <= tonumber(fence)) then
    redis.call('HSET', leases, ordinal, fence .. ':' .. state)
    local deadline = string.match(state, '^(%d+):')
    if deadline then
      redis.call('ZADD', deadlines, deadline, ordinal)
      redis.call('SETRANGE', states, ordinal, 'h')
    else
      redis.call('ZREM', deadlines, ordinal)
      redis.call('SETRANGE', states, ordinal, string.sub(state, 1, 1))
    end
    changed = true
  end
  highest = math.max(highest, tonumber(fence))
end
if changed then
  redis.call('HSET', door, 'fence', string.format('%.0f', highest))
  version = string.format('%.0f', redis.call('HINCRBY', door, 'version', 1))
end
return {'ok', now_text, known[1], version}
