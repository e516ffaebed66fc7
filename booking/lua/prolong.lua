-- Moves the end of a hold's leases, all of them or none: farther while a payment is
-- under way, back when it was declined.
--
-- KEYS[1] -> fr:{show}:door            hash: loaded, plan, version, fence
-- KEYS[3] -> fr:{show}:door:leases     hash: ordinal -> "fence:deadline:hold" | "fence:sold" | "fence:free" | "fence:blocked"
-- KEYS[4] -> fr:{show}:door:deadlines  sorted set: ordinal -> deadline (µs)
-- ARGV[1] -> plan of the layout that the ordinals belong to
-- ARGV[2] -> id of the hold
-- ARGV[3] -> fence of its leases
-- ARGV[4] -> the new deadline (µs)
-- ARGV[5..] -> ordinals, from 0
--
-- Returns {"ok", now, incarnation, version}
--         {"lost", now, incarnation, version}  a lease is over, or another's; nothing was done
--         {"unloaded", now}                    the door is not loaded with this plan
local door, leases, deadlines = KEYS[1], KEYS[3], KEYS[4]
local plan, hold, fence, deadline = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local now_text = string.format('%.0f', now)

local known = redis.call('HMGET', door, 'loaded', 'plan', 'version')
if not known[1] or known[2] ~= plan then
  return {'unloaded', now_text}
end
for i = 5, #ARGV do
  local record = redis.call('HGET', leases, ARGV[i]) or ''
  local leased_fence, until_when, leased_by = string.match(record, '^(%d+):(%d+):(.*)$')
  if leased_fence ~= fence or leased_by ~= hold or tonumber(until_when) <= now then
    return {'lost', now_text, known[1], known[3]}
  end
end
for i = 5, #ARGV do
  redis.call('HSET', leases, ARGV[i], fence .. ':' .. deadline .. ':' .. hold)
  redis.call('ZADD', deadlines, deadline, ARGV[i])
end
return {'ok', now_text, known[1], known[3]}
