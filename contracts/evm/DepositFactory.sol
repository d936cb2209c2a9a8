// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DepositForwarder} from "./DepositForwarder.sol";

/// Gives every id an address that can be paid before anything exists there. What arrives can only go to the
/// treasury of the implementation: the clone that collects it is created on demand, by whoever asks.
contract DepositFactory {
    /// The DepositForwarder that all clones lend their code from.
    address public immutable implementation;

    bytes32 private immutable initCodeHash;

    error NoImplementation();
    error CloneFailed(bytes32 id);

    constructor(address implementation_) {
        // A clone of nothing would take every call for a success, and the money would be lost.
        if (implementation_.code.length == 0) revert NoImplementation();
        implementation = implementation_;
        initCodeHash = keccak256(initCode(implementation_));
    }

    /// The deposit address of `id`: CREATE2 with this factory as deployer and the id as salt.
    function addressOf(bytes32 id) public view returns (address) {
        bytes32 digest = keccak256(abi.encodePacked(bytes1(0xff), address(this), id, initCodeHash));
        return address(uint160(uint256(digest)));
    }

    /// Sends all that the deposit address of `id` has of `token` to the treasury; creates the clone first when
    /// there is none. Anyone may call it, any number of times. Returns what was sent, in base units.
    function flush(bytes32 id, address token) public returns (uint256 amount) {
        address deposit = addressOf(id);
        if (deposit.code.length == 0) create(id);
        return DepositForwarder(payable(deposit)).flush(token);
    }

    /// Flushes many ids of one token; all or none. Returns the sum.
    function flushMany(bytes32[] calldata ids, address token) external returns (uint256 amount) {
        for (uint256 i; i < ids.length; ++i) amount += flush(ids[i], token);
    }

    function create(bytes32 id) private {
        bytes memory code = initCode(implementation);
        address created;
        assembly {
            created := create2(0, add(code, 32), mload(code), id)
        }
        if (created == address(0)) revert CloneFailed(id);
    }

    /// A minimal proxy (ERC-1167): ten bytes that install the 45 that follow.
    function initCode(address target) private pure returns (bytes memory) {
        return abi.encodePacked(
            hex"3d602d80600a3d3981f3",
            hex"363d3d373d3d3d363d73",
            target,
            hex"5af43d82803e903d91602b57fd5bf3"
        );
    }
}
