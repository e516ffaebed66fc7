-- Gives back the seats that a hold still leases. A lease of another hold or
-- another fence is left alone.
--
-- KEYS[1] -> fr:{show}:door            hash: loaded, plan, version, fence
-- KEYS[2] -> fr:{show}:door:states     string: a letter a seat, f h s b
-- KEYS[3] -> fr:{show}:door:leases     hash: ordinal -> "fence:deadline:hold" | "fence:sold" | "fence:free" | "fence:blocked"
-- KEYS[4] -> fr:{show}:door:deadlines  sorted set: ordinal -> deadline (µs)
-- ARGV[1] -> plan of the layout that the ordinals belong to
-- ARGV[2] -> id of the hold
-- ARGV[3] -> fence of its leases
-- ARGV[4..] -> ordinals, from 0
--
-- Returns {"ok", now, incarnation, version}
--         {"unloaded", now}                  the door is not loaded with this plan
local door, states, leases, deadlines = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local plan, hold, fence = ARGV[1], ARGV[2], ARGV[3]

local time = redis.call('TIME')
local now_text = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))

local known = redis.call('HMGET', door, 'loaded', 'plan', 'version')
if not known[1] or known[2] ~= plan then
  return {'unloaded', now_text}
end

local version, released = known[3], false
for i = 4, #ARGV do
  local record = redis.call('HGET', leases, ARGV[i])
  local leased_fence, leased_by = string.match(record or '', '^(%d+):%d+:(.*)$')
  if leased_fence == fence and leased_by == hold then
    redis.call('HSET', leases, ARGV[i], fence .. ':free')
    redis.call('ZREM', deadlines, ARGV[i])
    redis.call('SETRANGE', states, ARGV[i], 'f')
    released = true
  end
end
if released then
  version = string.format('%.0f', redis.call('HINCRBY', door, 'version', 1))
end
return {'ok', now_text, known[1], version}
