// Which group a k is of, for k that goes up in strides: found without a division for each.
#pragma once

#include "common/device.cuh"

class GroupWalk {
public:
    // Of groups of `group` k, from k on.
    DEVICE GroupWalk(int group, int k) : group_(group), index_(k / group), rest_(k % group) {}

    // How far a stride of so many k goes.
    struct Stride {
        int groups, rest;
        DEVICE Stride(int group, int k) : groups(k / group), rest(k % group) {}
    };

    DEVICE int index() const { return index_; }
    DEVICE bool begins() const { return rest_ == 0; }
    DEVICE void advance(const Stride& by) {
        index_ += by.groups, rest_ += by.rest;
        if (rest_ >= group_) rest_ -= group_, ++index_;
    }

private:
    int group_, index_, rest_;
};
