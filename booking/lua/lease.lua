-- Leases all of the seats asked for, or none. A seat is free for it when its
-- record says so, when it has none, or when its lease has run out; a lease of
-- the same hold counts as free too, so that a retry after a lost answer works.
--
-- KEYS[1] -> fr:{show}:door            hash: loaded, plan, version, fence
-- KEYS[2] -> fr:{show}:door:states     string: a letter a seat, f h s b
-- KEYS[3] -> fr:{show}:door:leases     hash: ordinal -> "fence:deadline:hold" | "fence:sold" | "fence:free" | "fence:blocked"
-- KEYS[4] -> fr:{show}:door:deadlines  sorted set: ordinal -> deadline (µs)
-- ARGV[1] -> plan of the layout that the ordinals belong to
-- ARGV[2] -> id of the hold
-- ARGV[3] -> length of the lease (µs)
-- ARGV[4] -> latest deadline (µs)
-- ARGV[5..] -> ordinals, from 0
--
-- Returns {"ok", now, incarnation, version, fence, deadline}
--         {"taken", now, incarnation, version, ordinal...}  these are not free; nothing was done
--         {"late", now}                                     the latest deadline has passed
--         {"unloaded", now}                                 the door is not loaded with this plan
local door, states, leases, deadlines = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local plan, hold, length, latest = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local now_text = string.format('%.0f', now)

local known = redis.call('HMGET', door, 'loaded', 'plan', 'fence')
if not known[1] or known[2] ~= plan then
  return {'unloaded', now_text}
end
local deadline = math.min(now + length, latest)
if deadline <= now then
  return {'late', now_text}
end

local ordinals = {}
for i = 5, #ARGV do
  ordinals[#ordinals + 1] = ARGV[i]
end

local taken = {}
local records = redis.call('HMGET', leases, unpack(ordinals))
for i, record in ipairs(records) do
  if record then
    local state = string.match(record, '^%d+:(.*)$')
    local held_until, holder = string.match(state, '^(%d+):(.*)$')
    if state == 'sold' or state == 'blocked' or (held_until and tonumber(held_until) > now and holder ~= hold) then
      taken[#taken + 1] = ordinals[i]
    end
  end
end
if #taken > 0 then
  return {'taken', now_text, known[1], redis.call('HGET', door, 'version'), unpack(taken)}
end

local fence = string.format('%.0f', math.max(tonumber(known[3]) + 1, now))
local deadline_text = string.format('%.0f', deadline)
redis.call('HSET', door, 'fence', fence)
local version = redis.call('HINCRBY', door, 'version', 1)
for _, ordinal in ipairs(ordinals) do
  redis.call('HSET', leases, ordinal, fence .. ':' .. deadline_text .. ':' .. hold)
  redis.call('ZADD', deadlines, deadline_text, ordinal)
  redis.call('SETRANGE', states, ordinal, 'h')
end
return {'ok', now_text, known[1], string.format('%.0f', version), fence, deadline_text}
