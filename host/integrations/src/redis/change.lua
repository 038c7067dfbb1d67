-- One change of a bucket, decided and made in one go: Redis runs a script alone.
--
-- KEYS: the bucket's values (a hash), its keys in their order (a sorted set), the bytes of both.
-- ARGV: the quota in bytes, the kind of change, and what that kind takes.
-- The answer is a word and a value, or no value.
local values, order, size = KEYS[1], KEYS[2], KEYS[3]
local quota, kind = tonumber(ARGV[1]), ARGV[2]

local function bytes_of(key)
  if redis.call('HEXISTS', values, key) == 0 then return 0 end
  return #key + redis.call('HSTRLEN', values, key)
end

-- Sets keys, or deletes those whose value is false: all or none. `writes` is keys and values by turns.
local function put(writes, answer)
  local before = tonumber(redis.call('GET', size) or '0')
  local after = before
  for at = 1, #writes, 2 do
    local key, value = writes[at], writes[at + 1]
    after = after - bytes_of(key) + (value and #key + #value or 0)
  end
  -- A bucket over a quota that was lowered may still shrink.
  if after > quota and after > before then return {'full', false} end
  for at = 1, #writes, 2 do
    local key, value = writes[at], writes[at + 1]
    if value then
      redis.call('HSET', values, key, value)
      redis.call('ZADD', order, 0, key)
    else
      redis.call('HDEL', values, key)
      redis.call('ZREM', order, key)
    end
  end
  redis.call('SET', size, string.format('%.0f', after))
  return answer
end

-- The sum of a decimal number as text and a delta. Numbers of Lua have 53 bits and those of a hash
-- 64, so it is the hash that adds.
local function add(key, found, delta)
  local sign, digits = found:match('^([+-]?)0*(%d+)$')
  if not digits then return nil end
  local number = (sign == '-' and digits ~= '0') and '-' .. digits or digits
  redis.call('HSET', values, key, number)
  local added = redis.pcall('HINCRBY', values, key, delta)
  local failed = type(added) == 'table' and added.err
  local sum = not failed and redis.call('HGET', values, key)
  return sum or nil
end

if kind == 'write' then
  local writes = {}
  for at = 3, #ARGV, 3 do
    writes[#writes + 1] = ARGV[at]
    writes[#writes + 1] = ARGV[at + 1] == 'set' and ARGV[at + 2]
  end
  return put(writes, {'written', false})
end

local key = ARGV[3]
local found = redis.call('HGET', values, key)

if kind == 'increment' then
  local sum = add(key, found or '0', ARGV[4])
  -- What it was added up in is as before: `put` makes the change.
  if found then redis.call('HSET', values, key, found) else redis.call('HDEL', values, key) end
  if not sum then return {'no-number', false} end
  return put({key, sum}, {'sum', sum})
end

local expected = ARGV[4] == 'value' and ARGV[5]
if found ~= expected then return {'changed', found} end
return put({key, ARGV[6]}, {'swapped', false})
