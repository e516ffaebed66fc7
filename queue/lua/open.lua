-- Opens a room: for a show's first visitor, after a reset, or when Redis lost it.
-- Whatever an older epoch left behind is thrown away; a room of this epoch or a
-- newer one is kept, so that a paused gateway undoes nothing.
--
-- KEYS as in room.lua
-- ARGV[1]  epoch to open, won in MySQL
-- ARGV[2]  generation
-- ARGV[3]  issued: no number up to this one is handed out again
-- ARGV[4]  head: last number called, as last kept
-- ARGV[5]  ceiling: numbers up to this one are reserved in MySQL
-- ARGV[6]  how long nobody is admitted (us), while places are put back; 0 for none
-- ARGV[7]  how many were inside when the totals were kept
-- ARGV[8]  F: how many fields of the room follow (rules, phase, totals)
-- ARGV[9]  V: how many visitors follow who are known to be inside
-- ARGV[10] master that the epoch was won for
-- then F pairs: field, value
-- then V triples: visitor, number, until (us): they hold or pay
-- then all the rest: numbers that are done (bought)
--
-- Returns {'ok' or 'kept', now (us), epoch, version}, or {'copy', now} from another master.

local ROOM, ACTIVE, CALLED, FINISHED, RESTORED, HOLDING = KEYS[1], KEYS[4], KEYS[5], KEYS[7], KEYS[8], KEYS[21]
local epoch = tonumber(ARGV[1])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])

local function text(n)
  return string.format('%.0f', n)
end

if master() ~= ARGV[10] then
  return {'copy', now}
end
local standing = tonumber(redis.call('HGET', ROOM, 'epoch') or 0)
if standing >= epoch then
  return {'kept', now, standing, tonumber(redis.call('HGET', ROOM, 'version'))}
end
redis.call('UNLINK', KEYS[29], unpack(KEYS, 1, 27)) -- all but moves: who has moved has moved

local fields, visitors = tonumber(ARGV[8]), tonumber(ARGV[9])
local at = 11
for _ = 1, fields do
  redis.call('HSET', ROOM, ARGV[at], ARGV[at + 1])
  at = at + 2
end

local inside = 0
for _ = 1, visitors do
  local visitor, number, till = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  if till > now then
    inside = inside + redis.call('ZADD', ACTIVE, text(till), visitor)
    -- Their token knows how far the admission goes; until they bring it, the hold's end.
    redis.call('HSET', CALLED, visitor, number .. ':0:' .. text(till) .. ':' .. text(till))
    redis.call('SETBIT', RESTORED, number, 1)
    redis.call('ZADD', HOLDING, text(till), visitor)
  end
end
while ARGV[at] do
  redis.call('SETBIT', FINISHED, ARGV[at], 1)
  at = at + 1
end

-- Who was inside and has not shown up again counts as expired until they do.
local lost = tonumber(ARGV[7]) - inside
if lost > 0 then
  redis.call('HINCRBY', ROOM, 'expired', text(lost))
elseif lost < 0 then
  redis.call('HINCRBY', ROOM, 'admitted', text(-lost))
end
-- A value of more than 64 bytes makes Redis keep the room as a hash table: in the
-- list that it keeps small hashes in, reading the rules took 33 us of every script.
redis.call('HSET', ROOM, 'about', 'the room of one show: what its queue is, and the rules that are in force')
redis.call('HSET', ROOM,
  'epoch', text(epoch), 'version', '1', 'generation', ARGV[2], 'issued', ARGV[3], 'head', ARGV[4],
  'ceiling', ARGV[5], 'recovering_until', text(now + tonumber(ARGV[6])),
  'lost_active', lost > 0 and text(lost) or '0', 'window', '0', 'admissions', '0',
  'invited', '0', 'swept', ARGV[4], 'dropped', ARGV[4], 'opened_at', text(now), 'opened_issued', ARGV[3], 'unknown', '0-' .. ARGV[3], 'home', ARGV[10], 'admitted_at', '0', 'quota_drawn', '0', 'quota_before', '0', 'quota_until', '0', 'quota_interval', '0', 'quota_at', '0', 'served', '-1')
return {'ok', now, epoch, 1}
