-- Lowers one bucket to what the CRM says is left, and never raises it. KEYS: the bucket. ARGV: the
-- units left, the window in microseconds to remember them for if the bucket is new.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local key, left, window = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local was = redis.call('HMGET', key, 'units', 'at', 'limit', 'window')
if was[1] then
  local units = tonumber(was[1])
  if was[3] then
    window = tonumber(was[4])
    units = math.min(tonumber(was[3]), units + was[3] * math.max(0, now - was[2]) / window)
  end
  if left >= units then
    return 0
  end
end
redis.call('HSET', key, 'units', string.format('%.9f', left), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', key, math.ceil(window / 1000) + 1000)
return 1
