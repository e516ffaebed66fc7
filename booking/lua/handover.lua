-- Hands the leases that a hold keeps over to the one that took its place, and gives
-- back those that neither wants. Only leases of the old hold are touched, so that it
-- may be done again, and late.
--
-- KEYS[1] -> fr:{show}:door            hash: loaded, plan, version, fence
-- KEYS[2] -> fr:{show}:door:states     string: a letter a seat, f h s b
-- KEYS[3] -> fr:{show}:door:leases     hash: ordinal -> "fence:deadline:hold" | "fence:sold" | "fence:free" | "fence:blocked"
-- KEYS[4] -> fr:{show}:door:deadlines  sorted set: ordinal -> deadline (µs)
-- ARGV[1] -> plan of the layout that the ordinals belong to
-- ARGV[2] -> id of the old hold
-- ARGV[3] -> fence of its leases
-- ARGV[4] -> id of the new hold
-- ARGV[5] -> fence of its leases
-- ARGV[6] -> deadline of its leases (µs)
-- ARGV[7] -> how many of the ordinals the new hold has; the others are free
-- ARGV[8..] -> ordinals, from 0
--
-- Returns {"ok", now, incarnation, version}
--         {"unloaded", now}                  the door is not loaded with this plan
local door, states, leases, deadlines = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local plan, old, old_fence = ARGV[1], ARGV[2], ARGV[3]
local new, new_fence, deadline, kept = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])

local time = redis.call('TIME')
local now_text = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))

local known = redis.call('HMGET', door, 'loaded', 'plan', 'version')
if not known[1] or known[2] ~= plan then
  return {'unloaded', now_text}
end

local version, changed = known[3], false
for i = 8, #ARGV do
  local ordinal = ARGV[i]
  local leased_fence, leased_by = string.match(redis.call('HGET', leases, ordinal) or '', '^(%d+):%d+:(.*)$')
  if leased_fence == old_fence and leased_by == old then
    if i - 7 <= kept then
      redis.call('HSET', leases, ordinal, new_fence .. ':' .. deadline .. ':' .. new)
      redis.call('ZADD', deadlines, deadline, ordinal)
      redis.call('SETRANGE', states, ordinal, 'h')
    else
      redis.call('HSET', leases, ordinal, old_fence .. ':free')
      redis.call('ZREM', deadlines, ordinal)
      redis.call('SETRANGE', states, ordinal, 'f')
    end
    changed = true
  end
end
if changed then
  version = string.format('%.0f', redis.call('HINCRBY', door, 'version', 1))
end
return {'ok', now_text, known[1], version}
